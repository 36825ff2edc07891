#include "host.h"

#include <algorithm>
#include <cctype>

namespace faceplate {

Host& host() {
  static Host only;
  return only;
}

bool Host::load() {
  if (!given || !given->fetchSuite) return false;
  if (loaded_ == given) return true;  // another effect of the bundle was loaded before, and may be rendering
  const auto fetched = [this](const char* suite, int version) { return given->fetchSuite(given->host, suite, version); };
  properties = static_cast<const OfxPropertySuiteV1*>(fetched(kOfxPropertySuite, 1));
  effects = static_cast<const OfxImageEffectSuiteV1*>(fetched(kOfxImageEffectSuite, 1));
  parameters = static_cast<const OfxParameterSuiteV1*>(fetched(kOfxParameterSuite, 1));
  if (!properties || !effects || !parameters) return false;
  name = Properties(given->host).text(kOfxPropName);
  message = static_cast<const OfxMessageSuiteV1*>(fetched(kOfxMessageSuite, 1));
  // Resolve has handed out version 2 with members that crash.
  persistentMessage = isResolve() ? nullptr : static_cast<const OfxMessageSuiteV2*>(fetched(kOfxMessageSuite, 2));
  loaded_ = given;
  return true;
}

bool Host::isResolve() const { return name.find("DaVinciResolve") != name.npos; }

bool Host::isSceneLinear() const {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char letter) { return std::tolower(letter); });
  for (const char* word : {"nuke", "natron", "fusion", "flame"}) {
    if (lower.find(word) != lower.npos) return true;
  }
  return false;
}

int Properties::whole(const char* name, int missing, int index) const {
  int found = missing;
  return host().properties->propGetInt(handle_, name, index, &found) == kOfxStatOK ? found : missing;
}

double Properties::number(const char* name, double missing, int index) const {
  double found = missing;
  return host().properties->propGetDouble(handle_, name, index, &found) == kOfxStatOK ? found : missing;
}

std::string Properties::text(const char* name, int index) const {
  char* found = nullptr;
  return host().properties->propGetString(handle_, name, index, &found) == kOfxStatOK && found ? found : "";
}

void* Properties::pointer(const char* name) const {
  void* found = nullptr;
  return host().properties->propGetPointer(handle_, name, 0, &found) == kOfxStatOK ? found : nullptr;
}

int Properties::count(const char* name) const {
  int found = 0;
  return host().properties->propGetDimension(handle_, name, &found) == kOfxStatOK ? found : 0;
}

bool Properties::rectangle(const char* name, OfxRectI& found) const {
  int corners[4];
  if (host().properties->propGetIntN(handle_, name, 4, corners) != kOfxStatOK) return false;
  found = {corners[0], corners[1], corners[2], corners[3]};
  return true;
}

void Properties::set(const char* name, int value, int index) const {
  host().properties->propSetInt(handle_, name, index, value);
}

void Properties::set(const char* name, double value, int index) const {
  host().properties->propSetDouble(handle_, name, index, value);
}

void Properties::set(const char* name, const char* value, int index) const {
  host().properties->propSetString(handle_, name, index, value);
}

void Properties::set(const char* name, void* value) const {
  host().properties->propSetPointer(handle_, name, 0, value);
}

namespace {

void show(OfxImageEffectHandle effect, const char* kind, const std::string& sentence) {
  const Host& here = host();
  if (here.persistentMessage && here.persistentMessage->setPersistentMessage) {
    here.persistentMessage->setPersistentMessage(effect, kind, "", "%s", sentence.c_str());
  } else if (here.message && here.message->message) {
    // Nothing but the log here: version 1 shows all else in a dialog, from a thread that renders.
    here.message->message(effect, kOfxMessageLog, "", "%s", sentence.c_str());
  }
}

}  // namespace

void showError(OfxImageEffectHandle effect, const std::string& sentence) { show(effect, kOfxMessageError, sentence); }

void showWarning(OfxImageEffectHandle effect, const std::string& sentence) {
  show(effect, kOfxMessageWarning, sentence);
}

void clearMessage(OfxImageEffectHandle effect) {
  const Host& here = host();
  if (here.persistentMessage && here.persistentMessage->clearPersistentMessage) {
    here.persistentMessage->clearPersistentMessage(effect);
  }
}

}  // namespace faceplate
