#include "property_set.h"

#include <type_traits>
#include <utility>

namespace faceplate::ofx_host {
namespace {

Value zero(PropertyType type) {
  switch (type) {
    case PropertyType::integer:
      return 0;
    case PropertyType::real:
      return 0.0;
    case PropertyType::string:
      return std::string();
    case PropertyType::pointer:
      break;
  }
  return static_cast<void*>(nullptr);
}

// The suite's argument types and how a value of each is kept.
template <class T>
constexpr PropertyType type_for() {
  if constexpr (std::is_same_v<T, int>) return PropertyType::integer;
  if constexpr (std::is_same_v<T, double>) return PropertyType::real;
  if constexpr (std::is_same_v<T, void*>) return PropertyType::pointer;
  return PropertyType::string;
}

Value kept(int value) { return value; }
Value kept(double value) { return value; }
Value kept(void* value) { return value; }
Value kept(const char* value) { return std::string(value ? value : ""); }

void give(const Value& value, int* out) { *out = std::get<int>(value); }
void give(const Value& value, double* out) { *out = std::get<double>(value); }
void give(const Value& value, void** out) { *out = std::get<void*>(value); }
// Valid until the property changes, as the standard has it.
void give(const Value& value, char** out) { *out = const_cast<char*>(std::get<std::string>(value).c_str()); }

}  // namespace

PropertySet::PropertySet(std::string title, Kind kind) : Live(kind), title_(std::move(title)) {}

PropertySet::PropertySet(std::string title, const PropertySet& like)
    : Live(Kind::property_set), title_(std::move(title)) {
  std::lock_guard lock(like.mutex_);
  properties_ = like.properties_;
}

void PropertySet::define(const std::string& name, PropertyType type, int dimension, Values defaults) {
  while (static_cast<int>(defaults.size()) < dimension) defaults.push_back(zero(type));
  std::lock_guard lock(mutex_);
  properties_[name] = Property{type, dimension, defaults, defaults};
}

void PropertySet::remove(const std::string& name) {
  std::lock_guard lock(mutex_);
  properties_.erase(name);
}

bool PropertySet::has(const std::string& name) const {
  std::lock_guard lock(mutex_);
  return properties_.count(name) != 0;
}

void PropertySet::put(const std::string& name, Values values) {
  std::lock_guard lock(mutex_);
  const auto found = properties_.find(name);
  if (found != properties_.end()) found->second.values = std::move(values);
}

Values PropertySet::values(const std::string& name) const {
  std::lock_guard lock(mutex_);
  const auto found = properties_.find(name);
  return found == properties_.end() ? Values() : found->second.values;
}

std::string PropertySet::string(const std::string& name, const std::string& otherwise) const {
  const Values held = values(name);
  return held.empty() || !std::holds_alternative<std::string>(held[0]) ? otherwise : std::get<std::string>(held[0]);
}

int PropertySet::integer(const std::string& name, int otherwise) const {
  const Values held = values(name);
  return held.empty() || !std::holds_alternative<int>(held[0]) ? otherwise : std::get<int>(held[0]);
}

double PropertySet::real(const std::string& name, double otherwise) const {
  const Values held = values(name);
  return held.empty() || !std::holds_alternative<double>(held[0]) ? otherwise : std::get<double>(held[0]);
}

std::map<std::string, Property> PropertySet::all() const {
  std::lock_guard lock(mutex_);
  return {properties_.begin(), properties_.end()};
}

OfxStatus PropertySet::refuse(OfxStatus status, const char* name, const char* why) const {
  note_refusal(title_ + ": " + name + " " + why);
  return status;
}

Property* PropertySet::find(const char* name) {
  const auto found = properties_.find(name);
  return found == properties_.end() ? nullptr : &found->second;
}

template <class T>
OfxStatus PropertySet::set(const char* name, int index, const T& value) {
  std::lock_guard lock(mutex_);
  Property* const property = find(name);
  if (!property) return refuse(kOfxStatErrUnknown, name, "is no property of it");
  if (property->type != type_for<T>()) return refuse(kOfxStatErrValue, name, "has another type");
  const int held = static_cast<int>(property->values.size());
  const int end = property->dimension ? property->dimension : held + 1;
  if (index < 0 || index >= end) return refuse(kOfxStatErrBadIndex, name, "has no such index");
  if (index == held) property->values.push_back(zero(property->type));
  property->values[index] = kept(value);
  return kOfxStatOK;
}

template <class T>
OfxStatus PropertySet::set_all(const char* name, int count, const T* values) {
  std::lock_guard lock(mutex_);
  Property* const property = find(name);
  if (!property) return refuse(kOfxStatErrUnknown, name, "is no property of it");
  if (property->type != type_for<T>()) return refuse(kOfxStatErrValue, name, "has another type");
  if (count < 0 || (property->dimension && count > property->dimension)) {
    return refuse(kOfxStatErrBadIndex, name, "has not so many values");
  }
  if (!property->dimension) property->values.resize(count, zero(property->type));
  for (int index = 0; index < count; ++index) property->values[index] = kept(values[index]);
  return kOfxStatOK;
}

template <class T>
OfxStatus PropertySet::get(const char* name, int index, T* value) {
  if (!value) return kOfxStatErrValue;
  std::lock_guard lock(mutex_);
  const Property* const property = find(name);
  if (!property) return kOfxStatErrUnknown;  // asking is how a plug-in finds out: nothing to note
  if (property->type != type_for<T>()) return refuse(kOfxStatErrValue, name, "has another type");
  if (index < 0 || index >= static_cast<int>(property->values.size())) return kOfxStatErrBadIndex;
  give(property->values[index], value);
  return kOfxStatOK;
}

template <class T>
OfxStatus PropertySet::get_all(const char* name, int count, T* values) {
  if (!values) return kOfxStatErrValue;
  std::lock_guard lock(mutex_);
  const Property* const property = find(name);
  if (!property) return kOfxStatErrUnknown;
  if (property->type != type_for<T>()) return refuse(kOfxStatErrValue, name, "has another type");
  if (count < 0 || count > static_cast<int>(property->values.size())) return kOfxStatErrBadIndex;
  for (int index = 0; index < count; ++index) give(property->values[index], values + index);
  return kOfxStatOK;
}

OfxStatus PropertySet::reset(const char* name) {
  std::lock_guard lock(mutex_);
  Property* const property = find(name);
  if (!property) return refuse(kOfxStatErrUnknown, name, "is no property of it");
  property->values = property->defaults;
  return kOfxStatOK;
}

OfxStatus PropertySet::dimension(const char* name, int* count) {
  if (!count) return kOfxStatErrValue;
  std::lock_guard lock(mutex_);
  const Property* const property = find(name);
  if (!property) return kOfxStatErrUnknown;
  *count = static_cast<int>(property->values.size());
  return kOfxStatOK;
}

// ---------------------------------------------------------------- the suite

namespace {

PropertySet* set_of(OfxPropertySetHandle handle) {
  for (const Kind kind : {Kind::property_set, Kind::image, Kind::host}) {
    if (auto* const set = alive<PropertySet>(handle, kind)) return set;
  }
  return nullptr;
}

template <class T>
OfxStatus set_one(OfxPropertySetHandle handle, const char* name, int index, T value) {
  PropertySet* const set = set_of(handle);
  return set && name ? set->set<T>(name, index, value) : kOfxStatErrBadHandle;
}

template <class T>
OfxStatus set_many(OfxPropertySetHandle handle, const char* name, int count, const T* values) {
  PropertySet* const set = set_of(handle);
  return set && name ? set->set_all<T>(name, count, values) : kOfxStatErrBadHandle;
}

template <class T>
OfxStatus get_one(OfxPropertySetHandle handle, const char* name, int index, T* value) {
  PropertySet* const set = set_of(handle);
  return set && name ? set->get<T>(name, index, value) : kOfxStatErrBadHandle;
}

template <class T>
OfxStatus get_many(OfxPropertySetHandle handle, const char* name, int count, T* values) {
  PropertySet* const set = set_of(handle);
  return set && name ? set->get_all<T>(name, count, values) : kOfxStatErrBadHandle;
}

OfxStatus reset_one(OfxPropertySetHandle handle, const char* name) {
  PropertySet* const set = set_of(handle);
  return set && name ? set->reset(name) : kOfxStatErrBadHandle;
}

OfxStatus dimension_of(OfxPropertySetHandle handle, const char* name, int* count) {
  PropertySet* const set = set_of(handle);
  return set && name ? set->dimension(name, count) : kOfxStatErrBadHandle;
}

constexpr OfxPropertySuiteV1 kSuite = {
    set_one<void*>,  set_one<const char*>,  set_one<double>,  set_one<int>,   //
    set_many<void*>, set_many<const char*>, set_many<double>, set_many<int>,  //
    get_one<void*>,  get_one<char*>,        get_one<double>,  get_one<int>,   //
    get_many<void*>, get_many<char*>,       get_many<double>, get_many<int>,  //
    reset_one,       dimension_of,
};

}  // namespace

const OfxPropertySuiteV1* property_suite() { return &kSuite; }

}  // namespace faceplate::ofx_host
