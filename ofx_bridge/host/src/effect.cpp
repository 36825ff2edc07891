#include "effect.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

namespace faceplate::ofx_host {
namespace {

constexpr std::size_t kMessagesKept = 10000;

thread_local RenderContext this_thread;

std::int64_t nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void define_description(PropertySet& set, const std::string& bundle) {
  set.define_string(kOfxPropType, kOfxTypeImageEffect);
  set.define_string(kOfxPropLabel, "");
  set.define_string(kOfxPropShortLabel, "");
  set.define_string(kOfxPropLongLabel, "");
  set.define(kOfxPropVersion, PropertyType::integer, 0);
  set.define_string(kOfxPropVersionLabel, "");
  set.define_string(kOfxPropPluginDescription, "");
  set.define(kOfxPropIcon, PropertyType::string, 2);
  set.define_string(kOfxPluginPropFilePath, bundle);
  set.define(kOfxImageEffectPropSupportedContexts, PropertyType::string, 0);
  set.define(kOfxImageEffectPropSupportedPixelDepths, PropertyType::string, 0);
  set.define(kOfxImageEffectPropClipPreferencesSlaveParam, PropertyType::string, 0);
  set.define_string(kOfxImageEffectPluginPropGrouping, "");
  set.define_int(kOfxImageEffectPluginPropSingleInstance, 0);
  set.define_string(kOfxImageEffectPluginRenderThreadSafety, kOfxImageEffectRenderInstanceSafe);
  set.define_int(kOfxImageEffectPluginPropHostFrameThreading, 1);
  set.define_int(kOfxImageEffectPluginPropFieldRenderTwiceAlways, 1);
  set.define("OfxImageEffectPluginPropOverlayInteractV1", PropertyType::pointer, 1);
  set.define("OfxImageEffectPluginPropOverlayInteractV2", PropertyType::pointer, 1);
  set.define_int(kOfxImageEffectPropSupportsMultiResolution, 1);
  set.define_int(kOfxImageEffectPropSupportsTiles, 1);
  set.define_int(kOfxImageEffectPropTemporalClipAccess, 0);
  set.define_int(kOfxImageEffectPropSupportsMultipleClipDepths, 0);
  set.define_int(kOfxImageEffectPropSupportsMultipleClipPARs, 0);
  set.define_int(kOfxImageEffectInstancePropSequentialRender, 0);
  set.define_string(kOfxImageEffectPropOpenGLRenderSupported, "false");
  set.define_string(kOfxImageEffectPropCudaRenderSupported, "false");
  set.define_string("OfxImageEffectPropCudaStreamSupported", "false");
  set.define_string("OfxImageEffectPropMetalRenderSupported", "false");
  set.define_string("OfxImageEffectPropOpenCLRenderSupported", "false");
  set.define_string("OfxImageEffectPropOpenCLSupported", "false");
  set.define_string(kOfxImageEffectPropCPURenderSupported, "true");
  set.define("OfxOpenGLPropPixelDepth", PropertyType::string, 0);
  set.define_string(kOfxImageEffectPropColourManagementStyle, kOfxImageEffectColourManagementNone);
  set.define("OfxImageEffectPropColourManagementAvailableConfigs", PropertyType::string, 0);
}

void define_instance(PropertySet& set, const std::string& context, void* descriptor) {
  set.define_string(kOfxPropType, kOfxTypeImageEffectInstance);
  set.define_string(kOfxImageEffectPropContext, context);
  set.define(kOfxPropInstanceData, PropertyType::pointer, 1);
  set.define(kOfxImageEffectPropPluginHandle, PropertyType::pointer, 1, {descriptor});
  set.define(kOfxImageEffectPropProjectSize, PropertyType::real, 2);
  set.define(kOfxImageEffectPropProjectOffset, PropertyType::real, 2);
  set.define(kOfxImageEffectPropProjectExtent, PropertyType::real, 2);
  set.define_double(kOfxImageEffectPropProjectPixelAspectRatio, 1);
  set.define_double(kOfxImageEffectInstancePropEffectDuration, 1);
  set.define_double(kOfxImageEffectPropFrameRate, 24);
  set.define_int(kOfxPropIsInteractive, 0);
}

// A canonical rectangle in the pixels of an image, rounded outwards.
OfxRectI in_pixels(const OfxRectD& region, const ImageForm& form) {
  const double across = form.render_scale.x / form.pixel_aspect, up = form.render_scale.y;
  const auto whole = [](double value) { return static_cast<int>(std::min(std::max(value, -1e9), 1e9)); };
  return {whole(std::floor(region.x1 * across)), whole(std::floor(region.y1 * up)),
          whole(std::ceil(region.x2 * across)), whole(std::ceil(region.y2 * up))};
}

OfxRectI common(const OfxRectI& one, const OfxRectI& other) {
  return {std::max(one.x1, other.x1), std::max(one.y1, other.y1), std::min(one.x2, other.x2),
          std::min(one.y2, other.y2)};
}

}  // namespace

// ---------------------------------------------------------------- effects as described

Effect::Effect(Host& host, const std::string& bundle)
    : Live(Kind::effect), host_(host), properties_("effect"), params_(*this) {
  define_description(properties_, bundle);
  for (const std::string& name : host.quirks().missing_on_effect) properties_.remove(name);
}

Effect::Effect(const Effect& described, const std::string& context)
    : Live(Kind::effect),
      host_(described.host_),
      properties_("effect in " + context, described.properties_),
      params_(*this, described.params_) {
  for (const auto& clip : described.clips_) clips_.push_back(std::make_unique<Clip>(*this, *clip));
}

Clip* Effect::define_clip(const std::string& name) {
  clips_.push_back(std::make_unique<Clip>(*this, name));
  return clips_.back().get();
}

Clip* Effect::clip(const std::string& name) const {
  for (const auto& clip : clips_) {
    if (clip->name() == name) return clip.get();
  }
  return nullptr;
}

std::vector<Clip*> Effect::clips() const {
  std::vector<Clip*> found;
  for (const auto& clip : clips_) found.push_back(clip.get());
  return found;
}

// ---------------------------------------------------------------- instances

Instance::Instance(Effect& described, const std::string& context) : Effect(described, context) {
  define_instance(properties_, context, static_cast<Live*>(&described));
}

Instance::~Instance() {
  for (ClipImage* const image : lent_) {
    note_refusal("an image was never released");
    delete image;
  }
}

void Instance::set_time_bounds(const OfxRangeD& bounds) {
  first_ = bounds.min;
  last_ = bounds.max;
}

void Instance::start_poll_clock() {
  abort_polls_ = 0;
  longest_poll_gap_ = 0;
  last_poll_ = nanoseconds();
}

bool Instance::aborted() {
  const std::int64_t now = nanoseconds();
  const double gap = static_cast<double>(now - last_poll_.exchange(now)) * 1e-9;
  double longest = longest_poll_gap_;
  while (gap > longest && !longest_poll_gap_.compare_exchange_weak(longest, gap)) {
  }
  ++abort_polls_;
  return aborted_;
}

void Instance::add_message(const Message& message) {
  std::lock_guard lock(mutex_);
  if (messages_.size() < kMessagesKept) messages_.push_back(message);
  if (message.persistent) persistent_ = message;
}

void Instance::clear_persistent_message() {
  std::lock_guard lock(mutex_);
  persistent_ = {};
}

std::vector<Message> Instance::messages() const {
  std::lock_guard lock(mutex_);
  return messages_;
}

Message Instance::persistent_message() const {
  std::lock_guard lock(mutex_);
  return persistent_;
}

OfxStatus Instance::begin_progress(const std::string& label) {
  std::lock_guard lock(mutex_);
  if (!progress_.empty() && !progress_.back().ended) return kOfxStatErrExists;
  progress_.push_back({label});
  return kOfxStatOK;
}

OfxStatus Instance::update_progress(double share) {
  std::lock_guard lock(mutex_);
  if (progress_.empty() || progress_.back().ended) return kOfxStatErrBadHandle;
  ++progress_.back().updates;
  progress_.back().last = share;
  return progress_cancelled_ ? kOfxStatReplyNo : kOfxStatOK;
}

OfxStatus Instance::end_progress() {
  std::lock_guard lock(mutex_);
  if (progress_.empty() || progress_.back().ended) return kOfxStatErrBadHandle;
  progress_.back().ended = true;
  return kOfxStatOK;
}

std::vector<Progress> Instance::progress() const {
  std::lock_guard lock(mutex_);
  return progress_;
}

void Instance::note_edit(const std::string& name) {
  std::lock_guard lock(mutex_);
  edits_.push_back(name);
}

std::vector<std::string> Instance::take_edits() {
  std::lock_guard lock(mutex_);
  std::vector<std::string> taken;
  taken.swap(edits_);
  return taken;
}

ImagePointer Instance::output_for(double time) {
  if (this_thread.instance == this) return *this_thread.output;
  // A thread that the plug-in started itself: the newest render of that time is the one it works for.
  std::lock_guard lock(mutex_);
  for (auto render = outputs_.rbegin(); render != outputs_.rend(); ++render) {
    if (render->first == time) return render->second;
  }
  return nullptr;
}

OfxStatus Instance::lend(Clip& clip, double time, const OfxRectD* region, ClipImage** lent) {
  ImagePointer image;
  if (clip.is_output()) {
    image = output_for(time);
  } else if (clip.connected()) {
    if (rendering_here() && host().quirks().refuses_undeclared && !clip.declared(time)) {
      note_refusal("clip " + clip.name() + ": frame " + std::to_string(time) + " was not declared as needed");
      return kOfxStatFailed;
    }
    try {
      image = clip.image_at(time);
    } catch (const std::exception& error) {
      note_refusal("clip " + clip.name() + ": frame " + std::to_string(time) + ": " + error.what());
    }
  }
  if (!image) return kOfxStatFailed;
  OfxRectI bounds = image->form().bounds;
  const bool tiles = host().properties().integer(kOfxImageEffectPropSupportsTiles) &&
                     properties_.integer(kOfxImageEffectPropSupportsTiles) &&
                     clip.properties().integer(kOfxImageEffectPropSupportsTiles);
  if (region && tiles && !clip.is_output()) bounds = common(bounds, in_pixels(*region, image->form()));
  if (bounds.x2 <= bounds.x1 || bounds.y2 <= bounds.y1) return kOfxStatFailed;
  *lent = new ClipImage(this, clip.name(), std::move(image), bounds);
  ++images_out_;
  std::lock_guard lock(mutex_);
  lent_.push_back(*lent);
  return kOfxStatOK;
}

OfxStatus Instance::take_back(ClipImage* image) {
  {
    std::lock_guard lock(mutex_);
    const auto found = std::find(lent_.begin(), lent_.end(), image);
    if (found == lent_.end()) return kOfxStatErrBadHandle;
    lent_.erase(found);
  }
  --images_out_;
  delete image;
  return kOfxStatOK;
}

// ---------------------------------------------------------------- renders going on

RenderScope::RenderScope(Instance& instance, double time, ImagePointer output)
    : instance_(instance), output_(time, std::move(output)), outer_(this_thread) {
  this_thread = {&instance, &output_.second};
  std::lock_guard lock(instance_.mutex_);
  instance_.outputs_.push_back(output_);
}

RenderScope::~RenderScope() {
  this_thread = outer_;
  std::lock_guard lock(instance_.mutex_);
  const auto found = std::find(instance_.outputs_.begin(), instance_.outputs_.end(), output_);
  if (found != instance_.outputs_.end()) instance_.outputs_.erase(found);
}

RenderContext render_context() { return this_thread; }
void set_render_context(const RenderContext& context) { this_thread = context; }
bool rendering_here() { return this_thread.instance != nullptr; }

// ---------------------------------------------------------------- the suite

namespace {

Effect* effect_of(OfxImageEffectHandle handle) { return alive<Effect>(handle, Kind::effect); }
Clip* clip_of(OfxImageClipHandle handle) { return alive<Clip>(handle, Kind::clip); }
ImageMemory* memory_of(OfxImageMemoryHandle handle) { return alive<ImageMemory>(handle, Kind::image_memory); }

OfxStatus get_property_set(OfxImageEffectHandle handle, OfxPropertySetHandle* set) {
  Effect* const effect = effect_of(handle);
  if (!effect || !set) return kOfxStatErrBadHandle;
  *set = handle_of<OfxPropertySetHandle>(&effect->properties());
  return kOfxStatOK;
}

OfxStatus get_param_set(OfxImageEffectHandle handle, OfxParamSetHandle* set) {
  Effect* const effect = effect_of(handle);
  if (!effect || !set) return kOfxStatErrBadHandle;
  *set = handle_of<OfxParamSetHandle>(&effect->params());
  return kOfxStatOK;
}

OfxStatus clip_define(OfxImageEffectHandle handle, const char* name, OfxPropertySetHandle* set) {
  Effect* const effect = effect_of(handle);
  if (!effect || !name) return kOfxStatErrBadHandle;
  if (effect->as_instance()) return kOfxStatErrUnsupported;
  if (effect->clip(name)) return kOfxStatErrExists;
  Clip* const clip = effect->define_clip(name);
  if (set) *set = handle_of<OfxPropertySetHandle>(&clip->properties());
  return kOfxStatOK;
}

OfxStatus clip_get_handle(OfxImageEffectHandle handle, const char* name, OfxImageClipHandle* clip,
                          OfxPropertySetHandle* set) {
  Effect* const effect = effect_of(handle);
  if (!effect || !name || !clip) return kOfxStatErrBadHandle;
  Clip* const found = effect->as_instance() ? effect->clip(name) : nullptr;
  if (!found) return kOfxStatErrUnknown;
  *clip = handle_of<OfxImageClipHandle>(found);
  if (set) *set = handle_of<OfxPropertySetHandle>(&found->properties());
  return kOfxStatOK;
}

OfxStatus clip_property_set(OfxImageClipHandle handle, OfxPropertySetHandle* set) {
  Clip* const clip = clip_of(handle);
  if (!clip || !set) return kOfxStatErrBadHandle;
  *set = handle_of<OfxPropertySetHandle>(&clip->properties());
  return kOfxStatOK;
}

OfxStatus clip_get_image(OfxImageClipHandle handle, OfxTime time, const OfxRectD* region,
                         OfxPropertySetHandle* image) {
  if (image) *image = nullptr;
  Clip* const clip = clip_of(handle);
  Instance* const instance = clip ? clip->effect().as_instance() : nullptr;
  if (!instance || !image) return kOfxStatErrBadHandle;
  ClipImage* lent = nullptr;
  const OfxStatus status = instance->lend(*clip, time, region, &lent);
  if (status == kOfxStatOK) *image = handle_of<OfxPropertySetHandle>(lent);
  return status;
}

OfxStatus clip_release_image(OfxPropertySetHandle handle) {
  ClipImage* const image = alive<ClipImage>(handle, Kind::image);
  return image ? image->borrower()->take_back(image) : kOfxStatErrBadHandle;
}

OfxStatus clip_region(OfxImageClipHandle handle, OfxTime, OfxRectD* bounds) {
  Clip* const clip = clip_of(handle);
  if (!clip || !bounds) return kOfxStatErrBadHandle;
  if (!clip->connected()) return kOfxStatFailed;
  *bounds = clip->region_of_definition();
  return kOfxStatOK;
}

int abort_asked(OfxImageEffectHandle handle) {
  Effect* const effect = effect_of(handle);
  Instance* const instance = effect ? effect->as_instance() : nullptr;
  return instance && instance->aborted() ? 1 : 0;
}

OfxStatus memory_alloc(OfxImageEffectHandle, std::size_t bytes, OfxImageMemoryHandle* memory) {
  if (!memory) return kOfxStatErrBadHandle;
  try {
    *memory = handle_of<OfxImageMemoryHandle>(new ImageMemory(bytes));
  } catch (const std::exception&) {
    return kOfxStatErrMemory;
  }
  return kOfxStatOK;
}

OfxStatus memory_free(OfxImageMemoryHandle handle) {
  ImageMemory* const memory = memory_of(handle);
  if (!memory) return kOfxStatErrBadHandle;
  delete memory;
  return kOfxStatOK;
}

OfxStatus memory_lock(OfxImageMemoryHandle handle, void** data) {
  ImageMemory* const memory = memory_of(handle);
  if (!memory || !data) return kOfxStatErrBadHandle;
  *data = memory->data();
  return kOfxStatOK;
}

OfxStatus memory_unlock(OfxImageMemoryHandle handle) { return memory_of(handle) ? kOfxStatOK : kOfxStatErrBadHandle; }

constexpr OfxImageEffectSuiteV1 kSuite = {
    get_property_set, get_param_set, clip_define, clip_get_handle, clip_property_set, clip_get_image,
    clip_release_image, clip_region, abort_asked, memory_alloc, memory_free, memory_lock, memory_unlock,
};

}  // namespace

const OfxImageEffectSuiteV1* image_effect_suite() { return &kSuite; }

}  // namespace faceplate::ofx_host
