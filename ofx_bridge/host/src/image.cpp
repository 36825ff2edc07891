#include "image.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <utility>

namespace faceplate::ofx_host {
namespace {

constexpr unsigned char kUntouched = 0xA5;
constexpr std::size_t kGuard = 256;  // bytes before the first and after the last row
constexpr std::size_t kAlignment = 64;

}  // namespace

int sample_bytes_of(const std::string& depth) {
  if (depth == kOfxBitDepthByte) return 1;
  if (depth == kOfxBitDepthShort || depth == kOfxBitDepthHalf) return 2;
  return depth == kOfxBitDepthFloat ? 4 : 0;
}

int channels_of(const std::string& components) {
  if (components == kOfxImageComponentAlpha) return 1;
  if (components == kOfxImageComponentRGB) return 3;
  return components == kOfxImageComponentRGBA ? 4 : 0;
}

Image::Image(ImageForm form)
    : form_(std::move(form)),
      channels_(channels_of(form_.components)),
      sample_bytes_(sample_bytes_of(form_.depth)) {
  const OfxRectI& bounds = form_.bounds;
  if (bounds.x2 <= bounds.x1 || bounds.y2 <= bounds.y1) {
    throw std::invalid_argument("an image should be at least one pixel wide and high; give other bounds");
  }
  if (!channels_) throw std::invalid_argument("components should be RGBA, RGB or Alpha, got " + form_.components);
  if (!sample_bytes_) {
    throw std::invalid_argument("depth should be Byte, Short, Half or Float, got " + form_.depth);
  }
  if (form_.padding < 0 || form_.padding % sample_bytes_) {
    throw std::invalid_argument("padding should be a whole number of samples, in bytes");
  }
  const std::int64_t wide = std::int64_t(bounds.x2) - bounds.x1, high = std::int64_t(bounds.y2) - bounds.y1;
  const std::int64_t stride = wide * pixel_bytes() + form_.padding;
  if (stride > std::numeric_limits<int>::max()) throw std::invalid_argument("a row should be less than 2 GB");
  stride_ = static_cast<std::ptrdiff_t>(stride);
  bytes_.assign(2 * kGuard + kAlignment + static_cast<std::size_t>(stride * high), kUntouched);
  const auto start = reinterpret_cast<std::uintptr_t>(bytes_.data()) + kGuard;
  offset_ = kGuard + (kAlignment - start % kAlignment) % kAlignment;
  for (int place = 0; place < height(); ++place) std::memset(row(place), 0, std::size_t(width()) * pixel_bytes());
}

unsigned char* Image::data() { return row(form_.top_down ? height() - 1 : 0); }

bool Image::intact() const {
  const auto untouched = [this](std::size_t from, std::size_t to) {
    return std::all_of(bytes_.begin() + from, bytes_.begin() + to,
                       [](unsigned char byte) { return byte == kUntouched; });
  };
  if (!untouched(0, offset_)) return false;
  const std::size_t pixels = std::size_t(width()) * pixel_bytes();
  std::size_t at = offset_;
  for (int place = 0; place < height(); ++place, at += stride_) {
    if (!untouched(at + pixels, at + stride_)) return false;
  }
  return untouched(at, bytes_.size());
}

}  // namespace faceplate::ofx_host
