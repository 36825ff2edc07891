#include "plugin.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

namespace faceplate::ofx_host {

namespace {

using File = std::pair<std::uint64_t, std::uint64_t>;

struct OpenFiles {
  std::mutex mutex;
  std::set<File> files;
};

OpenFiles& open_files() {
  static auto* const one = new OpenFiles;
  return *one;
}

File identity_of(const std::string& path) {
  struct stat facts = {};
  if (stat(path.c_str(), &facts) != 0) throw BundleError(path + " cannot be loaded: " + std::strerror(errno));
  return {facts.st_dev, facts.st_ino};
}

}  // namespace

Library::Library(std::shared_ptr<Host> host, const std::string& binary, const std::string& bundle)
    : host_(std::move(host)), bundle_(bundle) {
  const File file = identity_of(binary);
  {
    std::lock_guard lock(open_files().mutex);
    if (!open_files().files.insert(file).second) {
      throw BundleError(binary + " cannot be loaded: it is open in this process already, and can have one host");
    }
    file_ = file;
  }
  handle_ = dlopen(binary.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle_) throw closed_for(binary + " cannot be loaded: " + dlerror());
  if (void* const set_host = symbol("OfxSetHost")) {
    const OfxStatus status = reinterpret_cast<OfxSetHostFunction*>(set_host)(host_->handle());
    if (status == kOfxStatFailed) throw closed_for(binary + " refuses this host");
  }
  void* const count = symbol("OfxGetNumberOfPlugins");
  void* const get = symbol("OfxGetPlugin");
  if (!count || !get) throw closed_for(binary + " is no OpenFX plug-in: it does not export OfxGetPlugin");
  const int number = reinterpret_cast<OfxGetNumberOfPluginsFunction*>(count)();
  for (int nth = 0; nth < number; ++nth) {
    OfxPlugin* const plugin = reinterpret_cast<OfxGetPluginFunction*>(get)(nth);
    if (plugin && plugin->pluginApi && !std::strcmp(plugin->pluginApi, kOfxImageEffectPluginApi)) {
      plugins_.push_back(plugin);
    }
  }
}

void Library::close() {
  plugins_.clear();
  if (handle_) dlclose(handle_);
  handle_ = nullptr;
  std::lock_guard lock(open_files().mutex);
  open_files().files.erase(file_);
  file_ = {0, 0};
}

BundleError Library::closed_for(const std::string& sentence) {
  close();
  return BundleError(sentence);
}

void* Library::symbol(const char* name) const { return dlsym(handle_, name); }

Plugin::Plugin(std::shared_ptr<Library> library, OfxPlugin* plugin)
    : library_(std::move(library)),
      plugin_(plugin),
      identifier_(plugin->pluginIdentifier ? plugin->pluginIdentifier : ""),
      version_(plugin->pluginVersionMajor, plugin->pluginVersionMinor) {
  new_descriptor();
  if (plugin_->setHost) plugin_->setHost(library_->host().handle());
}

Effect& Plugin::descriptor() const {
  if (!descriptor_) throw BundleError(identifier_ + " was closed");
  return *descriptor_;
}

void Plugin::close() {
  contexts_.clear();
  descriptor_.reset();
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
  if (!descriptor_) throw BundleError(identifier_ + " was closed");
  try {
    return plugin_->mainEntry(action, handle, handle_of<OfxPropertySetHandle>(in),
                              handle_of<OfxPropertySetHandle>(out));
  } catch (...) {
    note_refusal(identifier_ + " let an exception out of " + action);
    return kOfxStatErrFatal;
  }
}

}  // namespace faceplate::ofx_host
