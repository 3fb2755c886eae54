// weft train.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "commands.h"
#include "run.h"
#include <weft/base/thread_pool.h>
#include <weft/data/augment.h>
#include <weft/nn/init.h>
#include <weft/nn/zoo.h>
#include <weft/optim/optimizer.h>

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
  check(s.epochs >= 1, "--epochs: received ", s.epochs, "; expected 1 or more");
  check(s.steps >= 0, "--steps: received ", s.steps, "; expected 0 (no bound) or more");
  check(s.batch_size >= 1, "--batch-size: received ", s.batch_size, "; expected 1 or more");
  check(s.threads >= 0, "--threads: received ", s.threads, "; expected 1 or more (0: all processors)");
  check(s.workers >= 0, "--workers: received ", s.workers, "; expected 0 or more");
  check(std::isfinite(s.lr), "--lr: received ", s.lr, "; expected a number, 0 or more");
  check(std::isfinite(s.weight_decay), "--weight-decay: received ", s.weight_decay, "; expected a number, 0 or more");
  check(s.save_every >= 0, "--save-every: received ", s.save_every, "; expected 0 (at epochs' ends only) or seconds");
  one_of("--model", s.model, nn::zoo::names());
  one_of("--face", s.face, {"fit", "loop"});
  one_of("--schedule", s.schedule, optim::schedule_names());
  one_of("--normalize", s.normalize, {"none", "standard", "half"});
  parse_image_size(s.image_size);
  data::parse_augmentations(s.augment);
  optim::make(s.optimizer);
  nn::init::by_name(s.init);
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
  c->add_option("--model", s.model, "tutorial-cnn, mlp or resnet20");
  c->add_option("--data", s.data,
                "cifar10, cifar100, mnist, fashion-mnist, shapes10, or a folder with a folder of images per class");
  c->add_option("--data-dir", s.data_dir, "A local copy of the data set's files");
  c->add_option("--image-size", s.image_size, "Scale an image folder's images to this: N or HEIGHTxWIDTH");
  c->add_flag("--skip-corrupt", s.skip_corrupt, "Leave out images of a folder that cannot be decoded");
  CLI::Option* epochs = c->add_option("--epochs", s.epochs, "Passes over the training data");
  CLI::Option* steps = c->add_option("--steps", s.steps, "Stop after so many steps (0: no bound)");
  c->add_option("--batch-size", s.batch_size, "Examples a step");
  c->add_option("--optimizer", s.optimizer,
                "sgd, adam, adamw, rmsprop, adagrad, adadelta, adamax, nadam, radam, lion, …");
  c->add_option("--lr", s.lr, "Learning rate (default: 2e-3 for adam, else the optimizer's own)")
      ->check(refuse_negative);
  c->add_option("--schedule", s.schedule,
                "constant, cosine, linear, step, exponential, onecycle, …, each also as warmup-…");
  c->add_option("--weight-decay", s.weight_decay, "Weight decay (default: the optimizer's own)")->check(refuse_negative);
  c->add_option("--augment", s.augment, "List such as hflip,crop:4; none");
  c->add_option("--init", s.init, "glorot_uniform, he_uniform, he_normal, torch_default, …");
  c->add_option("--normalize", s.normalize, "none (0..1), standard (the data's mean and deviation), half (-1..1)");
  c->add_option("--seed", s.seed, "Seed of everything random but the data set, which stays the same")
      ->check(refuse_negative);
  CLI::Option* threads =
      c->add_option("--threads", s.threads, "Threads (0: all processors); results do not depend on it");
  c->add_option("--workers", s.workers, "Threads that prepare batches; results do not depend on it");
  c->add_option("--device", s.device, "auto, cpu or ref");
  c->add_option("--face", s.face, "fit: Model::fit; loop: a hand-written loop");
  c->add_option("--save-every", s.save_every, "Seconds between checkpoints within an epoch (0: only at epochs' ends)");
  CLI::Option* out =
      c->add_option("--out", f->run.out,
                    "Folder of the run (default: runs/MODEL-DATA-TIME); the files of an earlier run are replaced");
  c->add_option("--resume", f->run.resume, "Go on with this run, exactly where it stopped");
  c->add_option("--verbose", f->run.verbose, "0: silent, 1: a bar, 2: a line an epoch (-1: 1 on a terminal, else 2)");
  c->add_flag("--stop-on-nan", f->run.stop_on_nan, "End with an error at the first loss that is not finite");
  c->add_flag("--json", f->run.json, "End with one line of JSON");
  c->add_flag("--eager", s.eager, "Compute operator by operator, for debugging, instead of whole planned steps");
  c->add_flag("--profile", f->run.profile, "Print where the time went, by operator");
  c->callback([c, f, epochs, steps, threads, out] {
    RunOptions& run = f->run;
    check_run_options(run, out->count() > 0);
    if (run.resume.empty()) {
      check_settings(f->settings);
      if (!train(f->settings, run)) throw CLI::RuntimeError(interrupted_exit_code);
      return;
    }
    check_resume_flags(*c);
    Settings kept = load_settings(run.resume);
    if (epochs->count()) kept.epochs = f->settings.epochs;
    if (steps->count()) kept.steps = f->settings.steps;
    if (threads->count()) kept.threads = f->settings.threads;
    check_settings(kept);
    if (!train(kept, run)) throw CLI::RuntimeError(interrupted_exit_code);
  });
}

}  // namespace weft::cli
