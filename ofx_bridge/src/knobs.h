// Parameters of an effect: described to the host from tables, read at a time.

#ifndef FACEPLATE_KNOBS_H
#define FACEPLATE_KNOBS_H

#include <map>
#include <string>
#include <vector>

#include "host.h"
#include "json.h"
#include "parameter.h"

namespace faceplate {

// Define parameters on a descriptor, in groups by their page.
void defineParameters(OfxImageEffectHandle effect, const std::vector<Parameter>& parameters);

// The parameters of one instance. Reading is safe on every thread that a host renders on.
class Knobs {
 public:
  Knobs(OfxImageEffectHandle effect, const std::vector<Parameter>& parameters);

  // The value at a time; the parameter's default where the host has no such parameter.
  double number(const char* name, OfxTime time) const;
  int whole(const char* name, OfxTime time) const;
  std::string text(const char* name, OfxTime time) const;

  // What a request says of these parameters: only those that were set by hand, that is, are animated or differ from
  // their default. Raises Error "request", text that is too long or not UTF-8.
  Json setByHand(const std::vector<Parameter>& parameters, OfxTime time) const;

 private:
  struct Knob {
    Parameter facts;
    OfxParamHandle handle;
  };
  const Knob& find(const char* name) const;
  bool animated(const Knob& knob) const;
  Json value(const Knob& knob, OfxTime time) const;
  bool isDefault(const Knob& knob, OfxTime time) const;

  std::map<std::string, Knob> knobs_;
};

}  // namespace faceplate

#endif
