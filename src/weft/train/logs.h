// Names and values of one step or epoch, and the history of a training run.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::nn {

/// Values by name, sorted by name: {"accuracy", 0.91}, {"loss", 0.30}, {"val_loss", 0.35}.
class Logs {
 public:
  Logs() = default;
  Logs(std::initializer_list<std::pair<std::string, double>> values);  ///< in any order
  /// Sets or replaces a value.
  void set(std::string_view name, double value);
  /// The value; throws Error with a suggestion where there is none.
  double operator[](std::string_view name) const;
  bool contains(std::string_view name) const;  ///< true where there is a value of this name
  bool empty() const { return values_.empty(); }  ///< true without any value
  auto begin() const { return values_.begin(); }  ///< the first pair of name and value
  auto end() const { return values_.end(); }  ///< behind the last
  /// Adds every value of `other`, its name preceded by `prefix`.
  void merge(const Logs& other, std::string_view prefix = "");

 private:
  std::vector<std::pair<std::string, double>> values_;
};

/// What fit() returns: the logs of every epoch.
struct History {
  std::vector<int> epoch;   ///< epoch numbers from 0
  std::vector<Logs> logs;   ///< one an epoch
  /// The values of one name, one an epoch (NaN where an epoch lacks it); throws Error where no epoch has it.
  std::vector<double> operator[](std::string_view name) const;
  /// All names that occur, sorted.
  std::vector<std::string> names() const;
  /// Writes epoch,name,name,… rows to a CSV file, aside and renamed.
  void write_csv(const std::string& path) const;
};

}  // namespace weft::nn
