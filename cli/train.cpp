// weft train.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "commands.h"
#include "run.h"
#include <weft/base/names.h>
#include <weft/base/reflect.h>
#include <weft/nn/zoo.h>

namespace weft::cli {

namespace {

/// What a shell gives for a program that Ctrl-C ended.
constexpr int interrupted_exit_code = 130;

struct TrainFlags {
  Settings settings;
  RunOptions run;
};

void check_run_options(const RunOptions& run, bool out_given) {
  check(!out_given || !run.out.empty(), "--out: received an empty name; expected a folder");
  check(run.verbose >= -1 && run.verbose <= 2, "--verbose: received ", run.verbose, "; expected -1, 0, 1 or 2");
}

void check_settings(const Settings& s) {
  nn::check_recipe(s.training, "--");
  check(s.steps >= 0, "--steps: received ", s.steps, "; expected 0 (no bound) or more");
  check(s.threads >= 0, "--threads: received ", s.threads, "; expected 1 or more (0: all processors)");
  check(s.workers >= 0, "--workers: received ", s.workers, "; expected 0 or more");
  check(s.save_every >= 0, "--save-every: received ", s.save_every, "; expected 0 (at epochs' ends only) or seconds");
  check_one_of("--face", s.face, {"fit", "loop"});
  check(!s.eager || s.training.precision == "f32", "--precision ", s.training.precision,
        " is of planned steps; leave out --eager, or say --precision f32");
  parse_image_size(s.image_size);
}

/// The recipe that was asked for, with the fields that flags name changed: an option is called as its field. Numbers of
/// the recipe's optimizer are not passed on to another one.
nn::Recipe with_flags(const CLI::App& command, const Settings& s) {
  nn::Recipe r = nn::recipe(s.recipe);
  if (command.count("--optimizer") && s.training.optimizer != r.optimizer) {
    r.lr = r.momentum = r.weight_decay = std::nullopt;
    r.nesterov.reset();
  }
  const auto flags = reflect::tie_fields(s.training);
  const auto fields = reflect::tie_fields(r);
  const auto take = [&]<std::size_t I>() {
    std::string option = "--" + std::string(reflect::field_name<nn::Recipe, I>());
    std::replace(option.begin(), option.end(), '_', '-');
    if (const CLI::Option* o = command.get_option_no_throw(option); o && o->count()) std::get<I>(fields) = std::get<I>(flags);
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (take.template operator()<I>(), ...);
  }(std::make_index_sequence<std::tuple_size_v<decltype(flags)>>{});
  return r;
}

/// A resumed run keeps its settings: a flag that would silently do nothing is refused.
void check_resume_flags(const CLI::App& command) {
  const std::vector<std::string> allowed = {"resume",  "epochs", "steps",   "threads",
                                            "verbose", "json",   "profile", "stop-on-nan"};
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() == 0 || option->get_lnames().empty()) continue;
    const std::string& name = option->get_lnames()[0];
    check(
        std::find(allowed.begin(), allowed.end(), name) != allowed.end(), "--", name,
        " cannot be given with --resume: the run keeps its settings and its folder; only --epochs, --steps, --threads, "
        "--verbose, --json, --profile and --stop-on-nan may be given");
  }
}

}  // namespace

void add_train(CLI::App& app) {
  CLI::App* c = app.add_subcommand("train", "Train a network; leaves weights, history and a report in a folder");
  auto f = std::make_shared<TrainFlags>();
  Settings& s = f->settings;
  nn::Recipe& r = s.training;
  r = nn::recipe(s.recipe);
  c->add_option("--recipe", s.recipe,
                "What is trained how: " + joined(nn::recipe_names()) +
                    ", or a file of `weft recipes show`; the options below change it (their defaults are tutorial's)");
  c->add_option("--model", r.model, joined(nn::zoo::names()));
  c->add_option("--data", s.data,
                "cifar10, cifar100, mnist, fashion-mnist, shapes10, or a folder with a folder of images per class");
  c->add_option("--data-dir", s.data_dir, "A local copy of the data set's files");
  c->add_option("--image-size", s.image_size, "Scale an image folder's images to this: N or HEIGHTxWIDTH");
  c->add_flag("--skip-corrupt", s.skip_corrupt, "Leave out images of a folder that cannot be decoded");
  CLI::Option* epochs = c->add_option("--epochs", r.epochs, "Passes over the training data");
  CLI::Option* steps = c->add_option("--steps", s.steps, "Stop after so many steps (0: no bound)");
  c->add_option("--batch-size", r.batch_size, "Examples a step");
  c->add_option("--optimizer", r.optimizer,
                "sgd, adam, adamw, rmsprop, adagrad, adadelta, adamax, nadam, radam, lion, …");
  c->add_option("--lr", r.lr, "Learning rate (of another optimizer than the recipe's: its own)")->check(refuse_negative);
  c->add_option("--momentum", r.momentum, "Of sgd, rmsprop and muon")->check(refuse_negative);
  c->add_flag("--nesterov,!--no-nesterov", r.nesterov, "Nesterov's momentum, of sgd and muon");
  c->add_option("--schedule", r.schedule,
                "constant, cosine, linear, step, exponential, onecycle, …, each also as warmup-…");
  c->add_option("--weight-decay", r.weight_decay, "Weight decay (default: the optimizer's own)")->check(refuse_negative);
  c->add_option("--label-smoothing", r.label_smoothing, "Share of the target that is spread over all classes");
  c->add_option("--ema", r.ema, "Decay of a moving mean of the weights, which is tested and saved; 0: none");
  c->add_option("--augment", r.augment, "List such as hflip,crop:4; none");
  c->add_option("--init", r.init, "glorot_uniform, he_uniform, he_normal, torch_default, …");
  c->add_option("--normalize", r.normalize, "none (0..1), standard (the data's mean and deviation), half (-1..1)");
  c->add_option("--seed", s.seed, "Seed of everything random but the data set, which stays the same")
      ->check(refuse_negative);
  CLI::Option* threads =
      c->add_option("--threads", s.threads, "Threads (0: all processors); results do not depend on it");
  c->add_option("--workers", s.workers, "Threads that prepare batches; results do not depend on it");
  c->add_option("--device", s.device, "auto, cpu or ref");
  c->add_option("--face", s.face, "fit: Model::fit; loop: a hand-written loop");
  c->add_option("--precision", r.precision,
                "f32, or bf16: convolutions and matrix products of rounded factors where that is faster; weights stay f32");
  c->add_option("--save-every", s.save_every, "Seconds between checkpoints within an epoch (0: only at epochs' ends)");
  CLI::Option* out =
      c->add_option("--out", f->run.out,
                    "Folder of the run (default: runs/MODEL-DATA-TIME); the files of an earlier run are replaced");
  c->add_option("--resume", f->run.resume, "Go on with this run, exactly where it stopped");
  c->add_option("--verbose", f->run.verbose, "0: silent, 1: a bar, 2: a line an epoch (-1: 1 on a terminal, else 2)");
  c->add_flag("--stop-on-nan", f->run.stop_on_nan, "End with an error at the first loss that is not finite");
  c->add_flag("--json", f->run.json, "End with one line of JSON");
  c->add_flag("--eager", s.eager, "Compute operator by operator, for debugging, instead of whole planned steps");
  c->add_option("--tune", f->run.tune,
                "Use the kernels that were measured to be fastest here, and measure first where this file has not (default: "
                "WEFT_TUNE); the run keeps them");
  c->add_flag("--profile", f->run.profile, "Print where the time went, by operator");
  c->callback([c, f, epochs, steps, threads, out] {
    RunOptions& run = f->run;
    check_run_options(run, out->count() > 0);
    if (run.resume.empty()) {
      f->settings.training = with_flags(*c, f->settings);
      if (const char* file = std::getenv("WEFT_TUNE"); file && run.tune.empty() && !f->settings.eager) run.tune = file;
      check(run.tune.empty() || !f->settings.eager, "--tune: received together with --eager; expected planned steps, for it chooses their "
            "kernels");
      check_settings(f->settings);
      if (!train(f->settings, run)) throw CLI::RuntimeError(interrupted_exit_code);
      return;
    }
    check_resume_flags(*c);
    Settings kept = load_settings(run.resume);
    if (epochs->count()) kept.training.epochs = f->settings.training.epochs;
    if (steps->count()) kept.steps = f->settings.steps;
    if (threads->count()) kept.threads = f->settings.threads;
    check_settings(kept);
    if (!train(kept, run)) throw CLI::RuntimeError(interrupted_exit_code);
  });
}

}  // namespace weft::cli
