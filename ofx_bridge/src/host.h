// The host, as far as it shows itself: its suites, its name, and properties that may or may not be there.

#ifndef FACEPLATE_HOST_H
#define FACEPLATE_HOST_H

#include <string>
#include <vector>

#include "ofx_abi.h"

namespace faceplate {

// What the host has given. Suites that are optional may be null.
struct Host {
  OfxHost* given = nullptr;
  const OfxPropertySuiteV1* properties = nullptr;
  const OfxImageEffectSuiteV1* effects = nullptr;
  const OfxParameterSuiteV1* parameters = nullptr;
  const OfxMessageSuiteV1* message = nullptr;
  const OfxMessageSuiteV2* persistentMessage = nullptr;
  std::string name;

  // Fetch the suites; false when one is missing that nothing works without.
  bool load();

  bool isResolve() const;

  // Whether pictures of float are scene-linear here, when nobody says otherwise.
  bool isSceneLinear() const;

 private:
  OfxHost* loaded_ = nullptr;  // whose suites these are
};

Host& host();

// A set of properties. What a host lacks reads as the default given, and is not set.
class Properties {
 public:
  explicit Properties(OfxPropertySetHandle handle) : handle_(handle) {}

  OfxPropertySetHandle handle() const { return handle_; }

  int whole(const char* name, int missing, int index = 0) const;
  double number(const char* name, double missing, int index = 0) const;
  std::string text(const char* name, int index = 0) const;
  void* pointer(const char* name) const;
  int count(const char* name) const;
  bool rectangle(const char* name, OfxRectI& found) const;

  void set(const char* name, int value, int index = 0) const;
  void set(const char* name, double value, int index = 0) const;
  void set(const char* name, const char* value, int index = 0) const;
  void set(const char* name, void* value) const;

 private:
  OfxPropertySetHandle handle_;
};

// Show the artist what went wrong with an effect, or what is missing, until `clear`; a host that can only log, logs.
void showError(OfxImageEffectHandle effect, const std::string& sentence);
void showWarning(OfxImageEffectHandle effect, const std::string& sentence);
void clearMessage(OfxImageEffectHandle effect);

}  // namespace faceplate

#endif
