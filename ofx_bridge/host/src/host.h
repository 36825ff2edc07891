// The host as a plug-in sees it: its descriptor, the suites it has, and the ways in which it is odd. All of it is data
// that comes from a profile, so that one host can stand in for many.

#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "property_set.h"

namespace faceplate::ofx_host {

// How a host differs from what the standard leads to expect.
struct Quirks {
  bool message_v2_is_null = false;     // the second message suite is there, its members are null
  bool param_copy_ignored = false;     // paramCopy says OK and does nothing
  bool unranged_is_tiny = false;       // a number without Min and Max runs from -1 to 1, a whole one from 0 to 0
  bool says_connected = false;         // a clip without input says that it is connected
  bool unconnected_has_no_depth = false;
  bool clamps_time = false;            // beyond a clip's range its first or last image is given
  bool refuses_undeclared = true;      // a frame that GetFramesNeeded did not name is not given
  std::set<std::string> refused_params;
  std::set<std::string> missing_on_effect;  // properties that its effect descriptors do not have
};

// A message from a plug-in. `kind`: one of kOfxMessage*; `persistent`: until cleared.
struct Message {
  std::string kind;
  std::string id;
  std::string text;
  bool persistent;
};

class Host {
 public:
  Host(const std::map<std::string, Property>& properties, std::map<std::string, std::set<int>> suites, Quirks quirks);
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  OfxHost* handle() { return &handle_; }
  const Quirks& quirks() const { return quirks_; }
  const PropertySet& properties() const { return properties_; }
  const void* suite(const std::string& name, int version) const;

  // What plug-ins said without naming an instance.
  void add_message(const Message& message);
  std::vector<Message> messages() const;

 private:
  static const void* fetch_suite(OfxPropertySetHandle host, const char* name, int version);

  class Descriptor : public PropertySet {
   public:
    explicit Descriptor(Host& host) : PropertySet("host", Kind::host), host_(host) {}
    Host& host() const { return host_; }

   private:
    Host& host_;
  };

  Descriptor properties_;
  const std::map<std::string, std::set<int>> suites_;
  const Quirks quirks_;
  OfxHost handle_;
  mutable std::mutex mutex_;
  std::vector<Message> messages_;
};

}  // namespace faceplate::ofx_host
