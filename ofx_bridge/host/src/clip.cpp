// Clips: what they are described as, and the images they hold.

#include <algorithm>
#include <cmath>

#include "effect.h"

namespace faceplate::ofx_host {
namespace {

void define_description(PropertySet& set, const std::string& name) {
  set.define_string(kOfxPropType, kOfxTypeClip);
  set.define_string(kOfxPropName, name);
  set.define_string(kOfxPropLabel, name);
  set.define_string(kOfxPropShortLabel, name);
  set.define_string(kOfxPropLongLabel, name);
  set.define(kOfxImageEffectPropSupportedComponents, PropertyType::string, 0);
  set.define_int(kOfxImageEffectPropTemporalClipAccess, 0);
  set.define_int(kOfxImageClipPropOptional, 0);
  set.define_int(kOfxImageClipPropIsMask, 0);
  set.define_string(kOfxImageClipPropFieldExtraction, "OfxImageFieldDoubled");
  set.define_int(kOfxImageEffectPropSupportsTiles, 1);
}

void define_instance(PropertySet& set) {
  set.define_string(kOfxImageEffectPropPixelDepth, kOfxBitDepthFloat);
  set.define_string(kOfxImageEffectPropComponents, kOfxImageComponentRGBA);
  set.define_string(kOfxImageClipPropUnmappedPixelDepth, kOfxBitDepthFloat);
  set.define_string(kOfxImageClipPropUnmappedComponents, kOfxImageComponentRGBA);
  set.define_string(kOfxImageEffectPropPreMultiplication, kOfxImagePreMultiplied);
  set.define_double(kOfxImagePropPixelAspectRatio, 1);
  set.define_double(kOfxImageEffectPropFrameRate, 24);
  set.define_double(kOfxImageEffectPropUnmappedFrameRate, 24);
  set.define(kOfxImageEffectPropFrameRange, PropertyType::real, 2);
  set.define(kOfxImageEffectPropUnmappedFrameRange, PropertyType::real, 2);
  set.define_string(kOfxImageClipPropFieldOrder, kOfxImageFieldNone);
  set.define_int(kOfxImageClipPropConnected, 0);
  set.define_int(kOfxImageClipPropContinuousSamples, 0);
}

}  // namespace

Clip::Clip(Effect& effect, const std::string& name)
    : Live(Kind::clip), effect_(effect), name_(name), properties_("clip " + name) {
  define_description(properties_, name);
}

Clip::Clip(Effect& effect, const Clip& described)
    : Live(Kind::clip),
      effect_(effect),
      name_(described.name_),
      properties_("clip " + described.name_, described.properties_) {
  define_instance(properties_);
  connect(is_output());
}

void Clip::connect(bool connected) {
  connected_ = connected;
  const Quirks& quirks = effect_.host().quirks();
  properties_.put(kOfxImageClipPropConnected, {static_cast<int>(connected || quirks.says_connected)});
  if (!connected && quirks.unconnected_has_no_depth) {
    properties_.put(kOfxImageEffectPropPixelDepth, {std::string(kOfxBitDepthNone)});
  }
}

void Clip::put(double time, ImagePointer image) {
  std::lock_guard lock(mutex_);
  images_[time] = std::move(image);
}

void Clip::remove_images() {
  std::map<double, ImagePointer> gone;  // freed after the lock is
  std::lock_guard lock(mutex_);
  gone.swap(images_);
}

void Clip::fetch_with(Fetch fetch) {
  auto shared = fetch ? std::make_shared<const Fetch>(std::move(fetch)) : nullptr;
  std::lock_guard lock(mutex_);
  fetch_.swap(shared);
}

double Clip::clamped(double time) const {
  const Values range = properties_.values(kOfxImageEffectPropFrameRange);
  return std::min(std::max(time, std::get<double>(range[0])), std::get<double>(range[1]));
}

ImagePointer Clip::image_at(double time) const {
  if (effect_.host().quirks().clamps_time) time = clamped(time);
  std::shared_ptr<const Fetch> fetch;
  {
    std::lock_guard lock(mutex_);
    const auto found = images_.find(time);
    if (found != images_.end()) return found->second;
    fetch = fetch_;
  }
  return fetch ? (*fetch)(time) : nullptr;
}

OfxRectD Clip::region_of_definition() const {
  std::lock_guard lock(mutex_);
  return region_;
}

void Clip::set_region_of_definition(const OfxRectD& region) {
  std::lock_guard lock(mutex_);
  region_ = region;
}

void Clip::declare(TimeRanges ranges) {
  std::lock_guard lock(mutex_);
  has_declared_ = true;
  declared_ = std::move(ranges);
}

void Clip::undeclare() {
  std::lock_guard lock(mutex_);
  has_declared_ = false;
  declared_.clear();
}

bool Clip::declared(double time) const {
  std::lock_guard lock(mutex_);
  return !has_declared_ || std::any_of(declared_.begin(), declared_.end(), [time](const auto& range) {
    return time >= range.first && time <= range.second;
  });
}

ClipImage::ClipImage(Instance* borrower, const std::string& clip, ImagePointer image, const OfxRectI& bounds)
    : PropertySet("image of " + clip, Kind::image), borrower_(borrower), image_(std::move(image)) {
  const ImageForm& form = image_->form();
  unsigned char* const data = image_->data() + (bounds.y1 - form.bounds.y1) * image_->row_bytes() +
                              std::ptrdiff_t(bounds.x1 - form.bounds.x1) * image_->pixel_bytes();
  define_string(kOfxPropType, kOfxTypeImage);
  define(kOfxImagePropData, PropertyType::pointer, 1, {static_cast<void*>(data)});
  define(kOfxImagePropBounds, PropertyType::integer, 4, {bounds.x1, bounds.y1, bounds.x2, bounds.y2});
  define(kOfxImagePropRegionOfDefinition, PropertyType::integer, 4,
         {form.rod.x1, form.rod.y1, form.rod.x2, form.rod.y2});
  define_int(kOfxImagePropRowBytes, static_cast<int>(image_->row_bytes()));
  define_string(kOfxImageEffectPropPixelDepth, form.depth);
  define_string(kOfxImageEffectPropComponents, form.components);
  define_string(kOfxImageEffectPropPreMultiplication, form.premultiplication);
  define(kOfxImageEffectPropRenderScale, PropertyType::real, 2, {form.render_scale.x, form.render_scale.y});
  define_double(kOfxImagePropPixelAspectRatio, form.pixel_aspect);
  define_string(kOfxImagePropField, form.field);
  define_string(kOfxImagePropUniqueIdentifier, form.identifier);
}

}  // namespace faceplate::ofx_host
