// The bundle's door: the functions that a host looks for, and nothing else, are seen from outside.

#include <iterator>

#include "effects.h"

#define FACEPLATE_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

constexpr unsigned int kMajor = 0, kMinor = 1;  // a new major only when an old comp would look different

// Once for every effect of the bundle, perhaps while another one renders.
void setHost(OfxHost* given) {
  if (faceplate::host().given != given) faceplate::host().given = given;
}

template <const faceplate::Effect& (*effect)()>
OfxStatus mainEntry(const char* action, const void* handle, OfxPropertySetHandle in, OfxPropertySetHandle out) {
  return action ? effect().act(action, handle, in, out) : kOfxStatErrValue;
}

template <const faceplate::Effect& (*effect)()>
OfxPlugin* pluginOf() {
  static OfxPlugin plugin = {kOfxImageEffectPluginApi, kOfxImageEffectPluginApiVersion, effect().identifier(),
                             kMajor,                   kMinor,                          setHost,
                             mainEntry<effect>};
  return &plugin;
}

constexpr OfxPlugin* (*kPlugins[])() = {pluginOf<faceplate::restoreEffect>, pluginOf<faceplate::matteEffect>,
                                        pluginOf<faceplate::steadyEffect>, pluginOf<faceplate::veilEffect>};

}  // namespace

FACEPLATE_EXPORT OfxStatus OfxSetHost(const OfxHost*) { return kOfxStatOK; }  // each effect is given its host

FACEPLATE_EXPORT int OfxGetNumberOfPlugins() { return static_cast<int>(std::size(kPlugins)); }

FACEPLATE_EXPORT OfxPlugin* OfxGetPlugin(int nth) {
  return nth >= 0 && nth < OfxGetNumberOfPlugins() ? kPlugins[nth]() : nullptr;
}
