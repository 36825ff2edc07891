#include "param.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "effect.h"

namespace faceplate::ofx_host {
namespace {

struct NamedKind {
  const char* type;
  ParamKind kind;
};

constexpr NamedKind kKinds[] = {
    {kOfxParamTypeInteger, {PropertyType::integer, 1}},   {kOfxParamTypeInteger2D, {PropertyType::integer, 2}},
    {kOfxParamTypeInteger3D, {PropertyType::integer, 3}}, {kOfxParamTypeBoolean, {PropertyType::integer, 1}},
    {kOfxParamTypeChoice, {PropertyType::integer, 1}},    {kOfxParamTypeDouble, {PropertyType::real, 1}},
    {kOfxParamTypeDouble2D, {PropertyType::real, 2}},     {kOfxParamTypeDouble3D, {PropertyType::real, 3}},
    {kOfxParamTypeRGB, {PropertyType::real, 3}},          {kOfxParamTypeRGBA, {PropertyType::real, 4}},
    {kOfxParamTypeString, {PropertyType::string, 1}},     {kOfxParamTypeStrChoice, {PropertyType::string, 1}},
    {kOfxParamTypeCustom, {PropertyType::string, 1}},     {kOfxParamTypeGroup, {PropertyType::pointer, 0}},
    {kOfxParamTypePage, {PropertyType::pointer, 0}},      {kOfxParamTypePushButton, {PropertyType::pointer, 0}},
};

bool is_numeric(const std::string& type) {
  return type != kOfxParamTypeBoolean && type != kOfxParamTypeChoice;
}

bool is_colour(const std::string& type) { return type == kOfxParamTypeRGB || type == kOfxParamTypeRGBA; }

Value limit(PropertyType type, bool upper) {
  if (type == PropertyType::integer) {
    return upper ? std::numeric_limits<int>::max() : std::numeric_limits<int>::min();
  }
  return upper ? std::numeric_limits<double>::max() : std::numeric_limits<double>::lowest();
}

void define_common(PropertySet& set, const std::string& type, const std::string& name) {
  set.define_string(kOfxPropType, kOfxTypeParameter);
  set.define_string(kOfxPropName, name);
  set.define_string(kOfxPropLabel, name);
  set.define_string(kOfxPropShortLabel, name);
  set.define_string(kOfxPropLongLabel, name);
  set.define_string(kOfxParamPropType, type);
  set.define_string(kOfxParamPropHint, "");
  set.define_string(kOfxParamPropScriptName, name);
  set.define_string(kOfxParamPropParent, "");
  set.define_int(kOfxParamPropSecret, 0);
  set.define_int(kOfxParamPropEnabled, 1);
  set.define(kOfxParamPropDataPtr, PropertyType::pointer, 1);
  set.define(kOfxPropIcon, PropertyType::string, 2);
}

void define_value(PropertySet& set, const std::string& type, ParamKind kind) {
  const bool animates = kind.type != PropertyType::string && is_numeric(type);
  set.define(kOfxParamPropDefault, kind.type, kind.dimension);
  set.define_int(kOfxParamPropAnimates, animates);
  set.define_int(kOfxParamPropIsAnimating, 0);
  set.define_int(kOfxParamPropIsAutoKeying, 0);
  set.define_int(kOfxParamPropPersistant, 1);
  set.define_int(kOfxParamPropEvaluateOnChange, 1);
  set.define_int(kOfxParamPropPluginMayWrite, 0);
  set.define_int(kOfxParamPropCanUndo, 1);
  set.define_string(kOfxParamPropCacheInvalidation, kOfxParamInvalidateValueChange);
}

void define_range(PropertySet& set, const std::string& type, ParamKind kind) {
  const Values low(kind.dimension, is_colour(type) ? Value(0.0) : limit(kind.type, false));
  const Values high(kind.dimension, is_colour(type) ? Value(1.0) : limit(kind.type, true));
  // A colour is shown from 0 to 1 but may hold anything.
  set.define(kOfxParamPropMin, kind.type, kind.dimension, Values(kind.dimension, limit(kind.type, false)));
  set.define(kOfxParamPropMax, kind.type, kind.dimension, Values(kind.dimension, limit(kind.type, true)));
  set.define(kOfxParamPropDisplayMin, kind.type, kind.dimension, low);
  set.define(kOfxParamPropDisplayMax, kind.type, kind.dimension, high);
}

void define_particular(PropertySet& set, const std::string& type, ParamKind kind) {
  if (kind.type == PropertyType::real) {
    set.define_double(kOfxParamPropIncrement, 1);
    set.define_int(kOfxParamPropDigits, 2);
    set.define_string(kOfxParamPropDoubleType, kOfxParamDoubleTypePlain);
    set.define_string(kOfxParamPropDefaultCoordinateSystem, "OfxParamCoordinatesCanonical");
    set.define_int("OfxParamPropShowTimeMarker", 0);
    set.define_int("OfxParamPropUseHostOverlayHandle", 0);
  }
  if (kind.dimension > 1) set.define("OfxParamPropDimensionLabel", PropertyType::string, kind.dimension);
  if (type == kOfxParamTypeChoice || type == kOfxParamTypeStrChoice) {
    set.define(kOfxParamPropChoiceOption, PropertyType::string, 0);
    set.define(kOfxParamPropChoiceOrder, PropertyType::integer, 0);
    set.define(kOfxParamPropChoiceEnum, PropertyType::string, 0);
  }
  if (type == kOfxParamTypeString) {
    set.define_string(kOfxParamPropStringMode, kOfxParamStringIsSingleLine);
    set.define_int(kOfxParamPropStringFilePathExists, 1);
  }
  if (type == kOfxParamTypeCustom) set.define("OfxParamPropCustomCallbackV1", PropertyType::pointer, 1);
  if (type == kOfxParamTypeGroup) set.define_int(kOfxParamPropGroupOpen, 1);
  if (type == kOfxParamTypePage) set.define(kOfxParamPropPageChild, PropertyType::string, 0);
}

double number(const Value& value) {
  return std::holds_alternative<int>(value) ? std::get<int>(value) : std::get<double>(value);
}

Value like(const Value& value, double number) {
  if (std::holds_alternative<int>(value)) return static_cast<int>(std::lround(number));
  return number;
}

Values mixed(const Values& from, const Values& to, double share) {
  Values between;
  for (std::size_t place = 0; place < from.size(); ++place) {
    between.push_back(like(from[place], number(from[place]) * (1 - share) + number(to[place]) * share));
  }
  return between;
}

}  // namespace

Param::Param(ParamSet& owner, const std::string& type, const std::string& name, ParamKind kind)
    : Live(Kind::param), owner_(owner), type_(type), name_(name), kind_(kind), properties_("parameter " + name) {
  define_common(properties_, type, name);
  if (kind.dimension) {
    define_value(properties_, type, kind);
    if (kind.type != PropertyType::string && is_numeric(type)) define_range(properties_, type, kind);
  }
  define_particular(properties_, type, kind);
}

Param::Param(ParamSet& owner, const Param& described)
    : Live(Kind::param),
      owner_(owner),
      type_(described.type_),
      name_(described.name_),
      kind_(described.kind_),
      properties_("parameter " + described.name_, described.properties_) {
  properties_.put(kOfxPropType, {std::string(kOfxTypeParameterInstance)});
  to_default();
}

void Param::to_default() {
  if (!kind_.dimension) return;
  Values values = properties_.values(kOfxParamPropDefault);
  std::lock_guard lock(mutex_);
  value_ = std::move(values);
  keys_.clear();
}

Values Param::between(double time) const {
  if (keys_.empty()) return value_;
  const auto after = keys_.lower_bound(time);
  if (after == keys_.end()) return std::prev(after)->second;
  if (after->first == time || after == keys_.begin()) return after->second;
  const auto before = std::prev(after);
  if (kind_.type == PropertyType::string || !is_numeric(type_)) return before->second;
  return mixed(before->second, after->second, (time - before->first) / (after->first - before->first));
}

Values Param::value_at(double time) const {
  std::lock_guard lock(mutex_);
  return between(time);
}

Values Param::derivative_at(double time) const {
  std::lock_guard lock(mutex_);
  Values slope(kind_.dimension, 0.0);
  const auto after = keys_.upper_bound(time);
  if (after == keys_.end() || after == keys_.begin()) return slope;
  const auto before = std::prev(after);
  for (int place = 0; place < kind_.dimension; ++place) {
    slope[place] = (number(after->second[place]) - number(before->second[place])) / (after->first - before->first);
  }
  return slope;
}

Values Param::integral(double from, double to) const {
  std::lock_guard lock(mutex_);
  std::vector<double> knots = {from};
  for (const auto& key : keys_) {
    if (key.first > from && key.first < to) knots.push_back(key.first);
  }
  knots.push_back(to);
  std::vector<double> areas(kind_.dimension, 0.0);
  for (std::size_t place = 1; place < knots.size(); ++place) {
    const Values left = between(knots[place - 1]), right = between(knots[place]);
    for (int index = 0; index < kind_.dimension; ++index) {
      areas[index] += (knots[place] - knots[place - 1]) * (number(left[index]) + number(right[index])) / 2;
    }
  }
  return {areas.begin(), areas.end()};
}

Values Param::limits(const char* name) const {
  Values limits = properties_.values(name);
  if (!owner_.effect().host().quirks().unranged_is_tiny) return limits;
  // As Resolve is known to do: a number nobody gave a range runs from -1 to 1, a whole one from 0 to 0.
  for (Value& value : limits) {
    const bool upper = std::string(name) == kOfxParamPropMax;
    if (value == limit(kind_.type, upper)) value = kind_.type == PropertyType::integer ? Value(0) : upper ? 1.0 : -1.0;
  }
  return limits;
}

Values Param::clamped(Values values) const {
  const Values low = limits(kOfxParamPropMin), high = limits(kOfxParamPropMax);
  for (std::size_t place = 0; place < std::min({values.size(), low.size(), high.size()}); ++place) {
    values[place] = std::min(std::max(values[place], low[place]), high[place]);
  }
  return values;
}

void Param::note_animation() { properties_.put(kOfxParamPropIsAnimating, {static_cast<int>(!keys_.empty())}); }

void Param::set(const Values& values, double now) {
  Values wanted = clamped(values);
  std::lock_guard lock(mutex_);
  if (keys_.empty()) {
    value_ = std::move(wanted);
  } else {
    keys_[now] = std::move(wanted);
  }
}

void Param::set_key(double time, const Values& values) {
  Values wanted = clamped(values);
  std::lock_guard lock(mutex_);
  keys_[time] = std::move(wanted);
  note_animation();
}

std::map<double, Values> Param::keys() const {
  std::lock_guard lock(mutex_);
  return keys_;
}

bool Param::delete_key(double time) {
  std::lock_guard lock(mutex_);
  const auto found = keys_.find(time);
  if (found == keys_.end()) return false;
  if (keys_.size() == 1) value_ = found->second;
  keys_.erase(found);
  note_animation();
  return true;
}

void Param::delete_keys() {
  std::lock_guard lock(mutex_);
  if (!keys_.empty()) value_ = keys_.begin()->second;
  keys_.clear();
  note_animation();
}

void Param::copy_from(const Param& other, double offset, const OfxRangeD* range) {
  const std::map<double, Values> source = other.keys();
  const Values held = other.value_at(0);
  std::lock_guard lock(mutex_);
  if (source.empty()) value_ = held;
  if (!range) keys_.clear();
  for (const auto& key : source) {
    if (!range || (key.first >= range->min && key.first <= range->max)) keys_[key.first + offset] = key.second;
  }
  note_animation();
}

char* Param::keep(const std::string& text) {
  std::lock_guard lock(mutex_);
  return const_cast<char*>(kept_.insert(text).first->c_str());
}

ParamSet::ParamSet(Effect& effect) : Live(Kind::param_set), effect_(effect), properties_("parameter set") {
  properties_.define_int(kOfxPropParamSetNeedsSyncing, 0);
  properties_.define(kOfxPluginPropParamPageOrder, PropertyType::string, 0);
}

ParamSet::ParamSet(Effect& effect, const ParamSet& described)
    : Live(Kind::param_set), effect_(effect), properties_("parameter set", described.properties_) {
  for (const auto& param : described.params_) params_.push_back(std::make_unique<Param>(*this, *param));
}

Param* ParamSet::find(const std::string& name) const {
  for (const auto& param : params_) {
    if (param->name() == name) return param.get();
  }
  return nullptr;
}

std::vector<Param*> ParamSet::all() const {
  std::vector<Param*> found;
  for (const auto& param : params_) found.push_back(param.get());
  return found;
}

OfxStatus ParamSet::define(const std::string& type, const std::string& name, Param** made) {
  if (find(name)) {
    note_refusal("parameter " + name + " is defined twice");
    return kOfxStatErrExists;
  }
  const bool no_str_choice =
      type == kOfxParamTypeStrChoice && !effect_.host().properties().integer(kOfxParamHostPropSupportsStrChoice);
  if (no_str_choice || effect_.host().quirks().refused_params.count(type)) {
    note_refusal("parameter " + name + ": this host does not have " + type);
    return kOfxStatErrUnsupported;
  }
  for (const NamedKind& known : kKinds) {
    if (type != known.type) continue;
    params_.push_back(std::make_unique<Param>(*this, type, name, known.kind));
    *made = params_.back().get();
    return kOfxStatOK;
  }
  note_refusal("parameter " + name + " has the unknown type " + type);
  return kOfxStatErrUnknown;
}

}  // namespace faceplate::ofx_host
