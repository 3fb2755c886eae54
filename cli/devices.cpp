// weft devices, weft doctor.
#include <cstdio>

#include "commands.h"
#include "common.h"
#include <weft/base/memory.h>
#include <weft/base/thread_pool.h>
#include <weft/data/datasets.h>
#include <weft/kernels/cpu_info.h>
#include <weft/ops/ops.h>
#include <weft/tensor/storage.h>

namespace weft::cli {

namespace {

void list_devices() {
  bool first = true;
  for (Device d : devices()) {
    std::string text = backend(d.type)->describe(d.index);
    if (d.type == DeviceType::cpu)
      text = cpu_name() + ", " + cpu_features() + ", " + std::to_string(num_threads()) + " threads";
    if (d.type == DeviceType::ref) text = "the reference: plain loops in double precision, for tests";
    std::printf("%-8s %s%s\n", to_string(d).c_str(), text.c_str(), first ? "  (the automatic choice)" : "");
    first = false;
  }
}

/// One line of the doctor's report; returns ok.
bool line(bool ok, const std::string& what, const std::string& detail) {
  std::printf("%s %-16s %s\n", ok ? "ok  " : "FAIL", what.c_str(), detail.c_str());
  return ok;
}

bool kernels_agree() {
  const Tensor a = randn({17, 33}), b = randn({33, 9});
  const Tensor fast = tanh(matmul(a, b));
  const Tensor slow = tanh(matmul(a.to(ref()), b.to(ref()))).to(cpu);
  return abs(fast - slow).max().item() < 1e-5;
}

int diagnose() {
  bool ok = true;
  for (const auto& [name, value] : libraries()) line(true, name == "Weft" ? "version" : name, value);
  ok &= line(true, "processor", cpu_name() + ": " + cpu_features());
  ok &= line(num_threads() >= 1, "threads", std::to_string(num_threads()) + " (WEFT_THREADS or --threads sets them)");
  ok &= line(kernels_agree(), "arithmetic", "fast kernels against the reference");
  for (const data::DatasetInfo& info : data::available())
    line(true, "data: " + info.name, info.cached ? "ready" : "not downloaded; it would go to " + info.folder);
  return ok ? 0 : 2;
}

}  // namespace

void add_devices(CLI::App& app) {
  app.add_subcommand("devices", "List the devices present")->callback([] { list_devices(); });
}

void add_doctor(CLI::App& app) {
  app.add_subcommand("doctor", "Check that this machine computes as it should")->callback([] {
    if (diagnose() != 0) throw Error("doctor: something is wrong, see above");
  });
}

}  // namespace weft::cli
