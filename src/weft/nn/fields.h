// Walking the fields of a module: parameters, buffers, modes and modules within it.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weft/base/reflect.h>
#include <weft/tensor/state.h>

namespace weft::nn {

/// Whether a layer trains (dropout drops, batch norm uses the batch) or evaluates; train() and eval() set it in every
/// field of this type below a module.
struct Mode {
  bool training = true;  ///< false: evaluation
};

/// Lists the fields of a module that cannot be read by itself (private members, a constructor, virtual functions, a C
/// array), at the end of the class: `using fields = nn::Fields<&Net::conv_, &Net::head_>;`. A trailing '_' is not part of the name.
template <auto... Members> struct Fields {};
/// The same, with the fields of a base class before one's own.
template <class Base, auto... Members> struct FieldsAndBase {};

class ModuleRef;

/// Sees each field of one module, in order of declaration.
class FieldVisitor {
 public:
  virtual ~FieldVisitor() = default;
  /// A parameter; may be undefined.
  virtual void parameter(const std::string& name, Parameter& p);
  /// A buffer; may be undefined.
  virtual void buffer(const std::string& name, Buffer& b);
  /// A mode.
  virtual void mode(Mode& m);
  /// A module within this one.
  virtual void module(const std::string& name, ModuleRef m);
};

/// True for classes derived from nn::Module.
template <class T> concept IsModule = requires { typename T::weft_module; };

/// What is known of a module's class.
struct ModuleType {
  std::string_view name;  ///< "Conv2d"
  void (*visit)(void* object, FieldVisitor& visitor);  ///< shows the fields of an object
};

/// A reference to a module of any class.
class ModuleRef {
 public:
  /// To that module, which must outlive it.
  template <IsModule M> ModuleRef(const M& m);
  /// To an object of that class.
  ModuleRef(void* object, const ModuleType& type) : object_(object), type_(&type) {}
  /// Its address.
  void* object() const { return object_; }
  /// Its class.
  std::string_view type_name() const { return type_->name; }
  /// Shows its fields.
  void visit(FieldVisitor& visitor) const { type_->visit(object_, visitor); }
  friend bool operator==(const ModuleRef& a, const ModuleRef& b) { return a.object_ == b.object_ && a.type_ == b.type_; }

 private:
  void* object_;
  const ModuleType* type_;
};

namespace detail {

template <class T> constexpr std::string_view type_name() {
  std::string_view s = __PRETTY_FUNCTION__;  // "… [with T = weft::nn::Conv2d; …]" or "… [T = weft::nn::Conv2d]"
  s.remove_prefix(s.find("T = ") + 4);
  s = s.substr(0, s.find_first_of(";]"));
  const auto end = s.find('<');
  const auto colon = s.substr(0, end).rfind("::");
  return s.substr(0, end).substr(colon == s.npos ? 0 : colon + 2);
}

template <auto P> constexpr std::string_view pointer_name() {
  // "… [with auto P = &weft::nn::Linear::weight; …]" (g++) or "… [P = &weft::nn::Linear::weight]" (clang)
  std::string_view name = reflect::detail::spelled<P>();
  name.remove_prefix(name.find("P = ") + 4);
  name = name.substr(0, name.find_first_of(";]"));
  name.remove_prefix(name.rfind(':') + 1);
  while (name.size() > 1 && name.back() == '_') name.remove_suffix(1);
  return name;
}

/// Found by the compiler, not at every visit.
template <auto P> inline constexpr std::string_view name_of_pointer = pointer_name<P>();

template <class M> const ModuleType& type_of();

template <class T> void visit_field(const std::string& name, T& field, FieldVisitor& v) {
  if constexpr (std::is_same_v<T, Parameter>) v.parameter(name, field);
  else if constexpr (std::is_same_v<T, Buffer>) v.buffer(name, field);
  else if constexpr (std::is_same_v<T, Mode>) v.mode(field);
  else if constexpr (IsModule<T>) v.module(name, ModuleRef(&field, type_of<T>()));
  else if constexpr (requires { field.module_ref(); }) {  // a type-erased Layer
    v.module(name, field.module_ref());
  } else if constexpr (requires { typename T::mapped_type; field.begin(); }) {
    for (auto& [key, value] : field)
      if constexpr (std::is_convertible_v<decltype(key), std::string_view>)
        visit_field(name + "." + std::string(key), value, v);
      else if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(key)>>)
        visit_field(name + "." + std::to_string(key), value, v);
  } else if constexpr (requires { typename T::value_type; field.begin(); field.size(); } &&
                       !std::is_convertible_v<T&, std::string_view>) {
    using E = typename T::value_type;
    if constexpr (std::is_class_v<E>) {
      std::size_t i = 0;
      for (auto& element : field) visit_field(name + "." + std::to_string(i++), element, v);
    }
  } else if constexpr (requires { typename T::value_type; field.has_value(); }) {
    if (field) visit_field(name, *field, v);
  } else if constexpr (requires { typename T::element_type; field.get(); *field; }) {
    if constexpr (std::is_class_v<typename T::element_type>)
      if (field) visit_field(name, *field, v);
  }
}

template <class M, auto... P> void visit_listed(M& m, Fields<P...>, FieldVisitor& v) {
  (visit_field(std::string(name_of_pointer<P>), m.*P, v), ...);
}
template <class M> void visit_fields(M& m, FieldVisitor& v);
template <class M, class Base, auto... P> void visit_listed(M& m, FieldsAndBase<Base, P...>, FieldVisitor& v) {
  visit_fields(static_cast<Base&>(m), v);
  (visit_field(std::string(name_of_pointer<P>), m.*P, v), ...);
}

template <class M> void visit_fields(M& m, FieldVisitor& v) {
  if constexpr (requires { m.visit_fields(v); }) m.visit_fields(v);
  else if constexpr (requires { typename M::fields; }) visit_listed(m, typename M::fields{}, v);
  else {
    static_assert(std::is_aggregate_v<M>,
                  "weft: this module's fields cannot be read by themselves (it has a constructor, private members or "
                  "virtual functions): list them once, at the end of the class, as in  using fields = nn::Fields<&Net::conv_, &Net::head_>;");
    reflect::for_each_field<true>(m, [&](std::string_view name, auto& field) { visit_field(std::string(name), field, v); });
  }
}

template <class M> const ModuleType& type_of() {
  static constexpr ModuleType type{type_name<M>(), [](void* o, FieldVisitor& v) { visit_fields(*static_cast<M*>(o), v); }};
  return type;
}

}  // namespace detail

template <IsModule M>
ModuleRef::ModuleRef(const M& m)
    : object_(const_cast<typename M::weft_module*>(static_cast<const typename M::weft_module*>(&m))),
      type_(&detail::type_of<typename M::weft_module>()) {}

}  // namespace weft::nn
