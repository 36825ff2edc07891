#include "plugin.h"

#include <dlfcn.h>

#include <cstring>
#include <utility>

namespace faceplate::ofx_host {

Library::Library(std::shared_ptr<Host> host, const std::string& binary, const std::string& bundle)
    : host_(std::move(host)), bundle_(bundle) {
  handle_ = dlopen(binary.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle_) throw BundleError(binary + " cannot be loaded: " + dlerror());
  const auto close = [this](const std::string& why) {
    dlclose(handle_);
    return BundleError(why);
  };
  if (void* const set_host = symbol("OfxSetHost")) {
    const OfxStatus status = reinterpret_cast<OfxSetHostFunction*>(set_host)(host_->handle());
    if (status == kOfxStatFailed) throw close(binary + " refuses this host");
  }
  void* const count = symbol("OfxGetNumberOfPlugins");
  void* const get = symbol("OfxGetPlugin");
  if (!count || !get) throw close(binary + " is no OpenFX plug-in: it does not export OfxGetPlugin");
  const int number = reinterpret_cast<OfxGetNumberOfPluginsFunction*>(count)();
  for (int nth = 0; nth < number; ++nth) {
    OfxPlugin* const plugin = reinterpret_cast<OfxGetPluginFunction*>(get)(nth);
    if (plugin && plugin->pluginApi && !std::strcmp(plugin->pluginApi, kOfxImageEffectPluginApi)) {
      plugins_.push_back(plugin);
    }
  }
}

Library::~Library() { dlclose(handle_); }

void* Library::symbol(const char* name) const { return dlsym(handle_, name); }

Plugin::Plugin(std::shared_ptr<Library> library, OfxPlugin* plugin)
    : library_(std::move(library)), plugin_(plugin) {
  new_descriptor();
  if (plugin_->setHost) plugin_->setHost(library_->host().handle());
}

Effect* Plugin::in_context(const std::string& context) const {
  const auto found = contexts_.find(context);
  return found == contexts_.end() ? nullptr : found->second.get();
}

Effect& Plugin::new_descriptor() {
  descriptor_ = std::make_unique<Effect>(library_->host(), library_->bundle());
  contexts_.clear();
  return *descriptor_;
}

Effect& Plugin::new_context(const std::string& context) {
  auto& made = contexts_[context];
  made = std::make_unique<Effect>(*descriptor_, "description");
  made->properties().define_string(kOfxImageEffectPropContext, context);
  return *made;
}

OfxStatus Plugin::call(const char* action, const void* handle, PropertySet* in, PropertySet* out) {
  try {
    return plugin_->mainEntry(action, handle, handle_of<OfxPropertySetHandle>(in),
                              handle_of<OfxPropertySetHandle>(out));
  } catch (...) {
    note_refusal(std::string(plugin_->pluginIdentifier) + " let an exception out of " + action);
    return kOfxStatErrFatal;
  }
}

}  // namespace faceplate::ofx_host
