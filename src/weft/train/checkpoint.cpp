#include <weft/train/checkpoint.h>


#include <nlohmann/json.hpp>

#include <weft/io/checkpoint.h>
#include <weft/io/json_values.h>
#include <weft/ops/ops.h>

namespace weft::nn {

namespace {

using json = nlohmann::ordered_json;
// Names in the file: tensors "model.<path>", "optimizer.<name>", "metric.<name>", "callback.<number>.<name>"; texts
// "progress" and "extra.<key>".
const std::string model_prefix = "model.", optimizer_prefix = "optimizer.", metric_prefix = "metric.",
                  extra_prefix = "extra.", progress_key = "progress";

std::string callback_prefix(std::size_t i) { return cat("callback.", i, "."); }

void append(NamedTensors& to, const std::string& prefix, const NamedTensors& from) {
  for (const auto& [name, t] : from) to.emplace_back(prefix + name, t);
}

/// Doubles as hexadecimal text: JSON's decimal numbers cannot hold NaN, and must not lose a bit.
std::string exact(double v) {
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%a", v);
  return buffer;
}
double exact(const json& j) { return std::strtod(j.get<std::string>().c_str(), nullptr); }

json to_json(const Logs& logs) {
  json j = json::object();
  for (const auto& [name, v] : logs) j[name] = exact(v);
  return j;
}
Logs logs_from(const json& j) {
  Logs logs;
  for (const auto& [name, v] : j.items()) logs.set(name, exact(v));
  return logs;
}

json to_json(const Progress& p, RandomStream generator) {
  json j;
  j["epoch"] = p.epoch;
  j["step"] = p.step;
  j["total_steps"] = p.total_steps;
  j["inside_epoch"] = p.inside_epoch;
  j["loader"] = {p.loader.seed, p.loader.epoch, p.loader.position};
  j["generator"] = {generator.seed, generator.counter};
  j["history"] = json::array();
  for (std::size_t i = 0; i < p.history.logs.size(); ++i)
    j["history"].push_back({{"epoch", p.history.epoch[i]}, {"logs", to_json(p.history.logs[i])}});
  j["callbacks"] = json::array();
  for (const Logs& s : p.callback_state) j["callbacks"].push_back(to_json(s));
  return j;
}

Progress progress_from(const json& j, RandomStream& generator) {
  Progress p;
  p.epoch = j.at("epoch");
  p.step = j.at("step");
  p.total_steps = j.at("total_steps");
  p.inside_epoch = j.at("inside_epoch");
  p.loader = {j.at("loader").at(0), j.at("loader").at(1), j.at("loader").at(2)};
  generator = {j.at("generator").at(0), j.at("generator").at(1)};
  for (const json& e : j.at("history")) {
    p.history.epoch.push_back(e.at("epoch"));
    p.history.logs.push_back(logs_from(e.at("logs")));
  }
  for (const json& s : j.at("callbacks")) p.callback_state.push_back(logs_from(s));
  return p;
}

}  // namespace

void save_checkpoint(const std::string& path, Model& model, const Metadata& extra) {
  model.capture_progress();
  Checkpoint c;
  append(c.tensors, model_prefix, state_dict(model.module_ref()));
  append(c.tensors, optimizer_prefix, model.optimizer().state_dict());
  append(c.tensors, metric_prefix, model.progress().metric_state);
  for (std::size_t i = 0; i < model.progress().callback_tensors.size(); ++i)
    append(c.tensors, callback_prefix(i), model.progress().callback_tensors[i]);
  c.metadata.emplace_back(progress_key, to_json(model.progress(), default_generator().state()).dump());
  for (const auto& [key, value] : extra) c.metadata.emplace_back(extra_prefix + key, value);
  weft::save_checkpoint(path, c);
}

Metadata load_checkpoint(const std::string& path, Model& model) {
  const Checkpoint c = weft::load_checkpoint(path);
  RandomStream generator;
  Progress restored;
  try {
    restored = progress_from(json::parse(c.text(progress_key)), generator);
  } catch (const json::exception& e) {
    fail(path, ": the training position cannot be read: ", weft::detail::reason_of(e.what()));
  }
  restored.metric_state = c.below(metric_prefix);
  for (std::size_t i = 0; i < restored.callback_state.size(); ++i)
    restored.callback_tensors.push_back(c.below(callback_prefix(i)));
  bool ready = true;  // a model that has never seen a batch has nothing to go back to
  for (const Parameter& p : parameters(model.module_ref())) ready = ready && p.ready();
  const NamedTensors before = ready ? state_dict(model.module_ref()) : NamedTensors{};
  try {
    load_state_dict(model.module_ref(), c.below(model_prefix));
    model.optimizer().load_state_dict(c.below(optimizer_prefix));
  } catch (Error& e) {
    if (ready) load_state_dict(model.module_ref(), before);
    e.in(path);
    throw;
  }
  model.progress() = std::move(restored);
  default_generator().set_state(generator);
  Metadata extra;
  for (const auto& [key, value] : c.metadata)
    if (key.starts_with(extra_prefix)) extra.emplace_back(key.substr(extra_prefix.size()), value);
  return extra;
}

}  // namespace weft::nn
