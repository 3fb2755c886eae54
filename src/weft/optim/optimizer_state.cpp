// Saving an optimizer and going on exactly.
#include <map>

#include <weft/ops/create.h>
#include <weft/optim/optimizer.h>

namespace weft::optim {

namespace {

Tensor whole(std::int64_t v) { return tensor_of(std::vector<std::int64_t>{v}, {}, {.device = cpu}); }
Tensor real(double v) { return tensor_of(std::vector<double>{v}, {}, {.device = cpu}); }
std::string lr_name(std::size_t group) { return cat("group.", group, ".lr"); }
std::string slot_name(const std::string& parameter, const std::string& slot) {
  return cat("slot.", parameter, ".", slot);
}

}  // namespace

NamedTensors Optimizer::state_dict() const {
  NamedTensors s;
  s.emplace_back("steps", whole(counts_->steps));
  s.emplace_back("epochs", whole(counts_->epochs));
  for (std::size_t i = 0; i < groups_.size(); ++i) s.emplace_back(lr_name(i), real(groups_[i].base_lr));
  if (options_.accumulate > 1) s.emplace_back("accumulated", whole(counts_->accumulated));
  if (options_.average) {
    s.emplace_back("averaged", whole(counts_->averaged));
    s.emplace_back("average_swapped", whole(swapped_));
  }
  if (options_.plateau) {
    s.emplace_back("plateau.best", real(plateau_.state().best));
    s.emplace_back("plateau.bad_epochs", whole(plateau_.state().bad_epochs));
    s.emplace_back("plateau.cooldown", whole(plateau_.state().cooldown));
  }
  for (const Entry& e : entries_) {
    if (e.memory->count > 0) {
      s.emplace_back("updates." + e.name, whole(e.memory->count));
      for (std::size_t i = 0; i < e.memory->slots.size(); ++i) s.emplace_back(slot_name(e.name, e.specs[i].name), e.memory->slots[i]);
    }
    if (e.memory->accumulated.defined()) s.emplace_back("accumulated." + e.name, e.memory->accumulated);
    if (e.memory->average.defined()) s.emplace_back("average." + e.name, e.memory->average);
  }
  return s;
}

/// Takes entries by name and notes what does not fit, so that nothing is changed before all is known to be good.
struct Optimizer::Loading {
  std::map<std::string, Tensor> given;
  std::vector<std::string> problems;

  explicit Loading(const NamedTensors& state) {
    for (const auto& [name, t] : state)
      if (!given.emplace(name, t).second) problems.push_back(cat("'", name, "' is there twice"));
  }
  Tensor optional(const std::string& name, const Shape* expected) {
    const auto it = given.find(name);
    if (it == given.end()) return {};
    Tensor t = std::move(it->second);
    given.erase(it);
    if (!t.defined() || (expected && t.shape() != *expected)) {
      problems.push_back(cat("'", name, "' has shape ", t.defined() ? to_string(t.shape()) : "of nothing",
                             ", expected ", expected ? to_string(*expected) : "one"));
      return {};
    }
    return t.detach();
  }
  Tensor required(const std::string& name, const Shape* expected) {
    const std::size_t before = problems.size();
    Tensor t = optional(name, expected);
    if (!t.defined() && problems.size() == before) problems.push_back(cat("'", name, "' is missing"));
    return t;
  }
  std::int64_t whole(const std::string& name) {
    const Shape scalar;
    const Tensor t = required(name, &scalar);
    return t.defined() ? t.item<std::int64_t>() : 0;
  }
  double real(const std::string& name) {
    const Shape scalar;
    const Tensor t = required(name, &scalar);
    return t.defined() ? t.item() : 0;
  }
  void finish() {
    for (const auto& [name, t] : given)
      problems.push_back(cat("'", name, "' belongs to no parameter or option of this optimizer"));
    std::string text;
    for (std::size_t i = 0; i < problems.size() && i < 4; ++i) text += (i ? "; " : "") + problems[i];
    if (problems.size() > 4) text += cat("; and ", problems.size() - 4, " more");
    check(problems.empty(), "load_state_dict: the state does not fit this optimizer: ", text,
          "; load it into an optimizer with the same parameters, rule and options");
  }
};

void Optimizer::load_state_dict(const NamedTensors& state) {
  Loading load(state);
  const std::int64_t steps = load.whole("steps"), epochs = load.whole("epochs");
  std::vector<double> lrs;
  for (std::size_t i = 0; i < groups_.size(); ++i) lrs.push_back(load.real(lr_name(i)));
  const std::int64_t accumulated = options_.accumulate > 1 ? load.whole("accumulated") : 0;
  const bool averages = static_cast<bool>(options_.average);
  const std::int64_t averaged = averages ? load.whole("averaged") : 0;
  const bool swapped = averages && load.whole("average_swapped") != 0;
  ReduceOnPlateau::State plateau{};
  if (options_.plateau) plateau = {load.real("plateau.best"), load.whole("plateau.bad_epochs"), load.whole("plateau.cooldown")};

  struct Loaded {
    std::int64_t count = 0;
    std::vector<Slot> specs;
    std::vector<Tensor> slots;
    Tensor accumulated, average;
  };
  std::vector<Loaded> loaded;
  for (const Entry& e : entries_) {
    Loaded l;
    const Shape* shape = e.parameter.ready() ? &e.parameter.shape() : nullptr;
    const Shape scalar;
    if (const Tensor count = load.optional("updates." + e.name, &scalar); count.defined()) {
      l.count = count.item<std::int64_t>();
      // A parameter that is still to be shaped takes its slots' shapes on trust; its weights come with the checkpoint.
      l.specs = groups_[e.group].rule.slots(shape ? *shape : Shape{1, 1});
      for (const Slot& s : l.specs) {
        Tensor t = load.required(slot_name(e.name, s.name), shape ? &s.shape : nullptr);
        if (t.defined()) l.slots.push_back(s.on_host ? t.to(cpu) : t);
      }
    }
    if (options_.accumulate > 1) l.accumulated = load.optional("accumulated." + e.name, shape);
    if (averages) l.average = load.optional("average." + e.name, shape);
    loaded.push_back(std::move(l));
  }
  load.finish();

  counts_->steps = steps;
  counts_->epochs = epochs;
  for (std::size_t i = 0; i < groups_.size(); ++i) groups_[i].base_lr = lrs[i];
  counts_->accumulated = accumulated;
  counts_->averaged = averaged;
  swapped_ = swapped;
  if (options_.plateau) plateau_.set_state(plateau);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entry& e = entries_[i];
    e.memory->count = loaded[i].count;
    e.specs = std::move(loaded[i].specs);
    e.memory->slots = std::move(loaded[i].slots);
    e.memory->accumulated = std::move(loaded[i].accumulated);
    e.memory->average = std::move(loaded[i].average);
  }
}

}  // namespace weft::optim
