// Callbacks: what happens at the beginnings and ends of training, epochs and batches.
#pragma once

#include <functional>
#include <memory>

#include <weft/tensor/named.h>
#include <weft/train/logs.h>

namespace weft::nn {

class Model;

/// Derive from it and override what you need. Epochs and batches count from 0.
class Callback {
 public:
  virtual ~Callback() = default;
  virtual void on_train_begin(Model&) {}  ///< before the first epoch of fit
  virtual void on_train_end(Model&, const Logs&) {}  ///< after the last, with its logs
  virtual void on_epoch_begin(Model&, int /*epoch*/) {}  ///< before an epoch's first batch
  virtual void on_epoch_end(Model&, int /*epoch*/, const Logs&) {}  ///< after it and its validation
  virtual void on_train_batch_begin(Model&, std::int64_t /*batch*/) {}  ///< before a training step
  virtual void on_train_batch_end(Model&, std::int64_t /*batch*/, const Logs&) {}  ///< with running values
  virtual void on_test_begin(Model&) {}  ///< before evaluate or a validation
  virtual void on_test_end(Model&, const Logs&) {}  ///< with the result
  virtual void on_test_batch_begin(Model&, std::int64_t /*batch*/) {}  ///< before a batch of it
  virtual void on_test_batch_end(Model&, std::int64_t /*batch*/, const Logs&) {}  ///< with running values
  virtual void on_predict_begin(const Model&) {}  ///< before predict's first batch
  virtual void on_predict_end(const Model&) {}  ///< after predict's last batch
  virtual void on_predict_batch_begin(const Model&, std::int64_t /*batch*/) {}  ///< before a batch of predict
  virtual void on_predict_batch_end(const Model&, std::int64_t /*batch*/) {}  ///< after a batch of predict
  /// What must be kept for an exact resume, by name; restored before the run goes on.
  virtual Logs state() const { return {}; }
  virtual void set_state(const Logs&) {}  ///< takes what state() gave
  virtual NamedTensors state_tensors() const { return {}; }  ///< the same, of tensors
  virtual void set_state_tensors(const NamedTensors&) {}  ///< takes what state_tensors() gave
  /// False for callbacks that look at batches neither before nor after: then fit() need not read the loss at each step.
  virtual bool wants_batches() const { return true; }
};

/// A callback in a list: made from any class derived from Callback (copied in; `std::ref(mine)` borrows it).
class AnyCallback {
 public:
  template <class C>
    requires std::is_base_of_v<Callback, C>
  AnyCallback(C callback) : callback_(std::make_shared<C>(std::move(callback))) {}  ///< copies it in
  template <class C>
    requires std::is_base_of_v<Callback, C>
  AnyCallback(std::reference_wrapper<C> callback) : callback_(&callback.get(), [](Callback*) {}) {}  ///< borrows it
  template <class C>
    requires std::is_base_of_v<Callback, C>
  AnyCallback(std::shared_ptr<C> callback) : callback_(std::move(callback)) {}  ///< shares it
  Callback* operator->() const { return callback_.get(); }
  Callback& operator*() const { return *callback_; }

 private:
  std::shared_ptr<Callback> callback_;
};

}  // namespace weft::nn
