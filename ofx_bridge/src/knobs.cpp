#include "knobs.h"

#include <algorithm>
#include <set>

#include "errors.h"

namespace faceplate {
namespace {

constexpr std::size_t kLongestText = 1024;

const char* typeOf(const Parameter& parameter) {
  switch (parameter.type) {
    case Parameter::Type::Number: return kOfxParamTypeDouble;
    case Parameter::Type::Whole: return kOfxParamTypeInteger;
    case Parameter::Type::Switch: return kOfxParamTypeBoolean;
    case Parameter::Type::Choice: return kOfxParamTypeChoice;
    case Parameter::Type::Text: break;
  }
  return kOfxParamTypeString;
}

std::string groupOf(const Parameter& parameter) { return std::string("group_") + parameter.page; }

void defineGroup(OfxParamSetHandle set, const Parameter& parameter) {
  OfxPropertySetHandle handle = nullptr;
  if (host().parameters->paramDefine(set, kOfxParamTypeGroup, groupOf(parameter).c_str(), &handle) != kOfxStatOK) return;
  Properties(handle).set(kOfxPropLabel, parameter.page);
}

// Both kinds of range: some hosts take -1 to 1 where one of them is missing.
template <typename Number>
void setRange(const Properties& facts, const Parameter& parameter) {
  facts.set(kOfxParamPropMin, static_cast<Number>(parameter.low));
  facts.set(kOfxParamPropMax, static_cast<Number>(parameter.high));
  facts.set(kOfxParamPropDisplayMin, static_cast<Number>(parameter.low));
  facts.set(kOfxParamPropDisplayMax, static_cast<Number>(parameter.high));
  facts.set(kOfxParamPropDefault, static_cast<Number>(parameter.standard));
}

void setKind(const Properties& facts, const Parameter& parameter) {
  switch (parameter.type) {
    case Parameter::Type::Number:
      facts.set(kOfxParamPropDoubleType, kOfxParamDoubleTypePlain);
      return setRange<double>(facts, parameter);
    case Parameter::Type::Whole: return setRange<int>(facts, parameter);
    case Parameter::Type::Switch:
      facts.set(kOfxParamPropAnimates, 0);
      return facts.set(kOfxParamPropDefault, static_cast<int>(parameter.standard));
    case Parameter::Type::Choice:
      facts.set(kOfxParamPropAnimates, 0);
      for (int place = 0; place < parameter.choiceCount; ++place) {
        facts.set(kOfxParamPropChoiceOption, parameter.choices[place], place);
      }
      return facts.set(kOfxParamPropDefault, static_cast<int>(parameter.standard));
    case Parameter::Type::Text:
      facts.set(kOfxParamPropAnimates, 0);
      facts.set(kOfxParamPropStringMode, kOfxParamStringIsSingleLine);
      return facts.set(kOfxParamPropDefault, parameter.standardText);
  }
}

void define(OfxParamSetHandle set, const Parameter& parameter) {
  OfxPropertySetHandle handle = nullptr;
  if (host().parameters->paramDefine(set, typeOf(parameter), parameter.name, &handle) != kOfxStatOK) {
    throw Error("request", std::string("The host does not take the parameter ") + parameter.name + ".");
  }
  const Properties facts(handle);
  facts.set(kOfxPropLabel, parameter.label);
  facts.set(kOfxParamPropHint, parameter.hint);
  facts.set(kOfxParamPropScriptName, parameter.name);
  facts.set(kOfxParamPropParent, groupOf(parameter).c_str());
  setKind(facts, parameter);
}

// Text as a message may hold it.
std::string sayable(const Parameter& parameter, const std::string& text) {
  std::string clean;
  for (const char letter : text) {
    if (static_cast<unsigned char>(letter) >= 0x20 && letter != 0x7f) clean += letter;
  }
  try {
    Json::read(Json(clean).write());
  } catch (const Error&) {
    throw Error("request", std::string("The text of ") + parameter.label + " is not UTF-8. Type it anew.");
  }
  if (clean.size() > kLongestText) {
    throw Error("request", std::string("The text of ") + parameter.label + " is longer than 1024 bytes. Shorten it.");
  }
  return clean;
}

}  // namespace

void defineParameters(OfxImageEffectHandle effect, const std::vector<Parameter>& parameters) {
  OfxParamSetHandle set = nullptr;
  if (host().effects->getParamSet(effect, &set) != kOfxStatOK) return;
  std::set<std::string> groups;
  for (const Parameter& parameter : parameters) {
    if (groups.insert(groupOf(parameter)).second) defineGroup(set, parameter);
    define(set, parameter);
  }
}

Knobs::Knobs(OfxImageEffectHandle effect, const std::vector<Parameter>& parameters) {
  OfxParamSetHandle set = nullptr;
  if (host().effects->getParamSet(effect, &set) != kOfxStatOK) set = nullptr;
  for (const Parameter& parameter : parameters) {
    OfxParamHandle handle = nullptr;
    const bool found = set && host().parameters->paramGetHandle(set, parameter.name, &handle, nullptr) == kOfxStatOK;
    knobs_[parameter.name] = {parameter, found ? handle : nullptr};
  }
}

const Knobs::Knob& Knobs::find(const char* name) const { return knobs_.at(name); }

double Knobs::number(const char* name, OfxTime time) const {
  const Knob& knob = find(name);
  double value = knob.facts.standard;
  if (knob.handle) host().parameters->paramGetValueAtTime(knob.handle, time, &value);
  return std::min(std::max(value, knob.facts.low), knob.facts.high);
}

int Knobs::whole(const char* name, OfxTime time) const {
  const Knob& knob = find(name);
  int value = static_cast<int>(knob.facts.standard);
  if (knob.handle) host().parameters->paramGetValueAtTime(knob.handle, time, &value);
  return std::min(std::max(value, static_cast<int>(knob.facts.low)), static_cast<int>(knob.facts.high));
}

std::string Knobs::text(const char* name, OfxTime time) const {
  const Knob& knob = find(name);
  char* value = nullptr;
  if (knob.handle) host().parameters->paramGetValueAtTime(knob.handle, time, &value);
  return sayable(knob.facts, value ? value : knob.facts.standardText);
}

bool Knobs::animated(const Knob& knob) const {
  unsigned int keys = 0;
  return knob.handle && host().parameters->paramGetNumKeys(knob.handle, &keys) == kOfxStatOK && keys > 0;
}

bool Knobs::isDefault(const Knob& knob, OfxTime time) const {
  const Parameter& facts = knob.facts;
  if (facts.type == Parameter::Type::Text) return text(facts.name, time) == facts.standardText;
  if (facts.type == Parameter::Type::Number) return number(facts.name, time) == facts.standard;
  return whole(facts.name, time) == static_cast<int>(facts.standard);
}

Json Knobs::value(const Knob& knob, OfxTime time) const {
  const Parameter& facts = knob.facts;
  switch (facts.type) {
    case Parameter::Type::Number: return Json(number(facts.name, time));
    case Parameter::Type::Whole: return Json(whole(facts.name, time));
    case Parameter::Type::Switch: return Json(whole(facts.name, time) != 0);
    case Parameter::Type::Text: return Json(text(facts.name, time));
    case Parameter::Type::Choice: break;
  }
  const char* choice = facts.choices[whole(facts.name, time)];
  return facts.choicesAreNumbers ? Json::read(choice) : Json(choice);
}

Json Knobs::setByHand(const std::vector<Parameter>& parameters, OfxTime time) const {
  Json found = Json::object();
  for (const Parameter& parameter : parameters) {
    const Knob& knob = find(parameter.name);
    if (animated(knob) || !isDefault(knob, time)) found.add(parameter.name, value(knob, time));
  }
  return found;
}

}  // namespace faceplate
