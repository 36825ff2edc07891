#include "host.h"

#include <utility>

#include "effect.h"
#include "param.h"
#include "suites.h"

namespace faceplate::ofx_host {
namespace {

constexpr std::size_t kMessagesKept = 10000;

}  // namespace

Host::Host(const std::map<std::string, Property>& properties, std::map<std::string, std::set<int>> suites,
           Quirks quirks)
    : properties_(*this),
      suites_(std::move(suites)),
      quirks_(std::move(quirks)),
      handle_{handle_of<OfxPropertySetHandle>(&properties_), fetch_suite} {
  for (const auto& named : properties) {
    properties_.define(named.first, named.second.type, named.second.dimension, named.second.values);
  }
}

const void* Host::fetch_suite(OfxPropertySetHandle handle, const char* name, int version) {
  const auto* const descriptor = alive<Descriptor>(handle, Kind::host);
  return descriptor && name ? descriptor->host().suite(name, version) : nullptr;
}

const void* Host::suite(const std::string& name, int version) const {
  const auto offered = suites_.find(name);
  if (offered == suites_.end() || !offered->second.count(version)) return nullptr;
  if (name == kOfxPropertySuite) return property_suite();
  if (name == kOfxImageEffectSuite) return image_effect_suite();
  if (name == kOfxParameterSuite) return parameter_suite();
  if (name == kOfxMemorySuite) return memory_suite();
  if (name == kOfxMultiThreadSuite) return multi_thread_suite();
  if (name == kOfxMessageSuite && version == 1) return message_suite_1();
  if (name == kOfxMessageSuite) return quirks_.message_v2_is_null ? null_message_suite_2() : message_suite_2();
  if (name == kOfxProgressSuite && version == 1) return progress_suite_1();
  if (name == kOfxProgressSuite) return progress_suite_2();
  if (name == kOfxTimeLineSuite) return time_line_suite();
  return nullptr;
}

void Host::add_message(const Message& message) {
  std::lock_guard lock(mutex_);
  if (messages_.size() < kMessagesKept) messages_.push_back(message);
}

std::vector<Message> Host::messages() const {
  std::lock_guard lock(mutex_);
  return messages_;
}

}  // namespace faceplate::ofx_host
