// A bundle's binary, the plug-ins in it, and how their actions are called.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "effect.h"

namespace faceplate::ofx_host {

// A binary that cannot be used; what() is a sentence.
class BundleError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A loaded shared library. A plug-in keeps one host in its own static memory, so that a binary is open once in a
// process and never in two hosts at a time.
class Library {
 public:
  // `bundle` is told to plug-ins as kOfxPluginPropFilePath. Throws BundleError.
  Library(std::shared_ptr<Host> host, const std::string& binary, const std::string& bundle);
  ~Library() { close(); }
  // Unmaps it; what was made of it may be destroyed afterwards but not called.
  void close();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  Host& host() const { return *host_; }
  const std::string& bundle() const { return bundle_; }
  const std::vector<OfxPlugin*>& plugins() const { return plugins_; }

 private:
  void* symbol(const char* name) const;
  BundleError closed_for(const std::string& sentence);

  const std::shared_ptr<Host> host_;
  const std::string bundle_;
  void* handle_ = nullptr;
  std::pair<std::uint64_t, std::uint64_t> file_ = {0, 0};
  std::vector<OfxPlugin*> plugins_;
};

class Plugin {
 public:
  Plugin(std::shared_ptr<Library> library, OfxPlugin* plugin);

  const std::string& identifier() const { return identifier_; }
  std::pair<unsigned, unsigned> version() const { return version_; }
  Host& host() const { return library_->host(); }
  // Throws BundleError once it was closed.
  Effect& descriptor() const;
  // Forgets all descriptions; for good, before its library is closed.
  void close();
  // The description in a context; null before it was made.
  Effect* in_context(const std::string& context) const;
  // Begin a description anew, before the action that fills it.
  Effect& new_descriptor();
  Effect& new_context(const std::string& context);

  // Calls an action. A render holds the lock that the plug-in's declared thread safety asks for.
  OfxStatus call(const char* action, const void* handle, PropertySet* in, PropertySet* out);
  std::mutex& render_lock() { return render_lock_; }

 private:
  const std::shared_ptr<Library> library_;
  OfxPlugin* const plugin_;
  const std::string identifier_;
  const std::pair<unsigned, unsigned> version_;
  std::unique_ptr<Effect> descriptor_;
  std::map<std::string, std::unique_ptr<Effect>> contexts_;
  std::mutex render_lock_;
};

}  // namespace faceplate::ofx_host
