// Effects: what a plug-in described (an Effect), and one at work (an Instance) with its clips, images and messages.

#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "host.h"
#include "image.h"
#include "param.h"

namespace faceplate::ofx_host {

class Instance;

using ImagePointer = std::shared_ptr<Image>;
using Fetch = std::function<ImagePointer(double time)>;
using TimeRanges = std::vector<std::pair<double, double>>;

class Clip : public Live {
 public:
  Clip(Effect& effect, const std::string& name);
  Clip(Effect& effect, const Clip& described);

  const std::string& name() const { return name_; }
  Effect& effect() const { return effect_; }
  PropertySet& properties() { return properties_; }
  bool is_output() const { return name_ == kOfxImageEffectOutputClipName; }

  // What there is to see: images by time, and something to ask for those that are not there. `connected` alone says
  // whether a plug-in gets any.
  void connect(bool connected);
  bool connected() const { return connected_; }
  void put(double time, ImagePointer image);
  void remove_images();
  void fetch_with(Fetch fetch);
  ImagePointer image_at(double time) const;

  // Where it has pixels, canonical.
  OfxRectD region_of_definition() const;
  void set_region_of_definition(const OfxRectD& region);

  // The times GetFramesNeeded named; without any of them every time is given.
  void declare(TimeRanges ranges);
  void undeclare();
  bool declared(double time) const;

 private:
  double clamped(double time) const;

  Effect& effect_;
  const std::string name_;
  PropertySet properties_;
  mutable std::mutex mutex_;
  std::atomic<bool> connected_{false};
  std::map<double, ImagePointer> images_;
  std::shared_ptr<const Fetch> fetch_;  // shared, because copying a Python function would need its lock
  OfxRectD region_ = {0, 0, 0, 0};
  bool has_declared_ = false;
  TimeRanges declared_;
};

// An image on loan to a plug-in: the properties it reads, and the pixels kept alive until it is released.
class ClipImage : public PropertySet {
 public:
  ClipImage(Instance* borrower, const std::string& clip, ImagePointer image, const OfxRectI& bounds);

  Instance* borrower() const { return borrower_; }

 private:
  Instance* const borrower_;
  const ImagePointer image_;
};

class ImageMemory : public Live {
 public:
  explicit ImageMemory(std::size_t bytes) : Live(Kind::image_memory), bytes_(bytes) {}
  void* data() { return bytes_.data(); }

 private:
  std::vector<unsigned char> bytes_;
};

class Effect : public Live {
 public:
  Effect(Host& host, const std::string& bundle);
  Effect(const Effect& described, const std::string& context);

  Host& host() const { return host_; }
  PropertySet& properties() { return properties_; }
  ParamSet& params() { return params_; }
  virtual Instance* as_instance() { return nullptr; }

  Clip* define_clip(const std::string& name);
  Clip* clip(const std::string& name) const;
  std::vector<Clip*> clips() const;

 private:
  Host& host_;

 protected:
  PropertySet properties_;
  ParamSet params_;
  std::vector<std::unique_ptr<Clip>> clips_;
};

// What a plug-in tells while it works.
struct Progress {
  std::string label;
  int updates = 0;
  double last = 0;
  bool ended = false;
};

class Instance : public Effect {
 public:
  Instance(Effect& described, const std::string& context);
  ~Instance() override;

  Instance* as_instance() override { return this; }

  double time() const { return time_; }
  void set_time(double time) { time_ = time; }
  OfxRangeD time_bounds() const { return {first_, last_}; }
  void set_time_bounds(const OfxRangeD& bounds);

  // Asking to stop is for any thread at any time; it stays until `go_on`.
  void abort() { aborted_ = true; }
  void go_on() { aborted_ = false; }
  bool aborted();
  long abort_polls() const { return abort_polls_; }
  double longest_poll_gap() const { return longest_poll_gap_; }
  void start_poll_clock();

  void add_message(const Message& message);
  void clear_persistent_message();
  std::vector<Message> messages() const;
  Message persistent_message() const;

  OfxStatus begin_progress(const std::string& label);
  OfxStatus update_progress(double share);
  OfxStatus end_progress();
  std::vector<Progress> progress() const;
  void cancel_progress() { progress_cancelled_ = true; }

  // Parameters a plug-in set itself, for the host to announce with kOfxChangePluginEdited.
  void note_edit(const std::string& name);
  std::vector<std::string> take_edits();

  OfxStatus lend(Clip& clip, double time, const OfxRectD* region, ClipImage** lent);
  OfxStatus take_back(ClipImage* image);
  long images_out() const { return images_out_; }

 private:
  ImagePointer output_for(double time);

  friend class RenderScope;
  std::atomic<double> time_{0};
  std::atomic<double> first_{0}, last_{0};
  std::atomic<bool> aborted_{false};
  std::atomic<long> abort_polls_{0};
  std::atomic<double> longest_poll_gap_{0};
  std::atomic<std::int64_t> last_poll_{0};
  std::atomic<long> images_out_{0};
  std::atomic<bool> progress_cancelled_{false};
  mutable std::mutex mutex_;
  std::vector<Message> messages_;
  Message persistent_ = {};
  std::vector<Progress> progress_;
  std::vector<std::string> edits_;
  std::vector<ClipImage*> lent_;
  std::vector<std::pair<double, ImagePointer>> outputs_;  // of the renders going on, newest last
};

// One render going on in this thread and in those the plug-in has the host start: it says where Output's pixels go.
// Nothing in it needs an end of its own: a thread's last act would be to let go of an image, unseen by anybody who waits.
struct RenderContext {
  Instance* instance = nullptr;
  const ImagePointer* output = nullptr;  // the scope's
};

class RenderScope {
 public:
  RenderScope(Instance& instance, double time, ImagePointer output);
  ~RenderScope();
  RenderScope(const RenderScope&) = delete;
  RenderScope& operator=(const RenderScope&) = delete;

 private:
  Instance& instance_;
  const std::pair<double, ImagePointer> output_;
  const RenderContext outer_;
};

RenderContext render_context();
void set_render_context(const RenderContext& context);
bool rendering_here();

const OfxImageEffectSuiteV1* image_effect_suite();

}  // namespace faceplate::ofx_host
