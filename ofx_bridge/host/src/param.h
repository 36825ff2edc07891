// Parameters: described by a plug-in, held with their keys by an instance, and the suite with its variable arguments.

#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "property_set.h"

namespace faceplate::ofx_host {

class Effect;
class ParamSet;

// What a type of parameter holds: `dimension` values of one kind; none for groups, pages and push buttons.
struct ParamKind {
  PropertyType type;
  int dimension;
};

class Param : public Live {
 public:
  Param(ParamSet& owner, const std::string& type, const std::string& name, ParamKind kind);
  Param(ParamSet& owner, const Param& described);

  const std::string& type() const { return type_; }
  const std::string& name() const { return name_; }
  ParamKind kind() const { return kind_; }
  ParamSet& owner() const { return owner_; }
  PropertySet& properties() { return properties_; }

  // Set from the default, once described.
  void to_default();

  // Values as they are at a time: numbers go straight from key to key, everything else holds until the next one.
  Values value_at(double time) const;
  Values derivative_at(double time) const;
  Values integral(double from, double to) const;

  // Without a time: the value itself, or a key at `now` when there are keys. Numbers are clamped to Min and Max.
  void set(const Values& values, double now);
  void set_key(double time, const Values& values);
  std::map<double, Values> keys() const;
  bool delete_key(double time);
  void delete_keys();
  void copy_from(const Param& other, double offset, const OfxRangeD* range);

  // A string that stays where it is for as long as the parameter lives.
  char* keep(const std::string& text);

 private:
  Values clamped(Values values) const;
  Values limits(const char* name) const;
  Values between(double time) const;
  void note_animation();

  ParamSet& owner_;
  const std::string type_;
  const std::string name_;
  const ParamKind kind_;
  PropertySet properties_;
  mutable std::mutex mutex_;
  Values value_;
  std::map<double, Values> keys_;
  std::set<std::string> kept_;
};

class ParamSet : public Live {
 public:
  explicit ParamSet(Effect& effect);
  ParamSet(Effect& effect, const ParamSet& described);

  Effect& effect() const { return effect_; }
  PropertySet& properties() { return properties_; }
  Param* find(const std::string& name) const;
  std::vector<Param*> all() const;
  OfxStatus define(const std::string& type, const std::string& name, Param** made);

 private:
  Effect& effect_;
  PropertySet properties_;
  std::vector<std::unique_ptr<Param>> params_;
};

const OfxParameterSuiteV1* parameter_suite();

}  // namespace faceplate::ofx_host
