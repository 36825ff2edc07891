// Property sets: named, typed lists of values, shared between host and plug-in, and the suite that reads and writes
// them. A property that a set does not have is refused, as real hosts do.

#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "live.h"
#include "ofx_abi.h"

namespace faceplate::ofx_host {

using Value = std::variant<int, double, std::string, void*>;
using Values = std::vector<Value>;

// The order is that of Value's alternatives.
enum class PropertyType { integer, real, string, pointer };

struct Property {
  PropertyType type;
  int dimension;  // 0: as many values as there are
  Values values;
  Values defaults;
};

class PropertySet : public Live {
 public:
  // `title` names the set in refusals: "clip Source".
  explicit PropertySet(std::string title, Kind kind = Kind::property_set);
  PropertySet(std::string title, const PropertySet& like);

  // Add a property. A fixed dimension is filled up with zeros or empty strings.
  void define(const std::string& name, PropertyType type, int dimension, Values defaults = {});
  void define_int(const std::string& name, int value) { define(name, PropertyType::integer, 1, {value}); }
  void define_double(const std::string& name, double value) { define(name, PropertyType::real, 1, {value}); }
  void define_string(const std::string& name, const std::string& value) {
    define(name, PropertyType::string, 1, {value});
  }
  void remove(const std::string& name);

  bool has(const std::string& name) const;

  // The host's own way in and out: replaces all values of a property that exists.
  void put(const std::string& name, Values values);
  Values values(const std::string& name) const;
  std::string string(const std::string& name, const std::string& otherwise = "") const;
  int integer(const std::string& name, int otherwise = 0) const;
  double real(const std::string& name, double otherwise = 0) const;
  std::map<std::string, Property> all() const;

  // The suite's way, with its status codes.
  template <class T>
  OfxStatus set(const char* name, int index, const T& value);
  template <class T>
  OfxStatus set_all(const char* name, int count, const T* values);
  template <class T>
  OfxStatus get(const char* name, int index, T* value);
  template <class T>
  OfxStatus get_all(const char* name, int count, T* values);
  OfxStatus reset(const char* name);
  OfxStatus dimension(const char* name, int* count);

 private:
  OfxStatus refuse(OfxStatus status, const char* name, const char* why) const;
  Property* find(const char* name);

  const std::string title_;
  mutable std::mutex mutex_;
  std::map<std::string, Property, std::less<>> properties_;
};

const OfxPropertySuiteV1* property_suite();

}  // namespace faceplate::ofx_host
