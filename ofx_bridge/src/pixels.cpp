#include "pixels.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace faceplate {
namespace {

std::uint32_t bitsOf(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

float floatOf(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// Both ways without denormal floats in between, which some hosts have their processors take for 0.
float floatFromHalf(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t(half & 0x8000) << 16, rest = half & 0x7fff;
  if (rest >= 0x7c00) return floatOf(sign | 0x7f800000 | (rest & 0x3ff) << 13);
  if (rest >= 0x400) return floatOf(sign | ((rest << 13) + 0x38000000));
  return floatOf(sign | bitsOf(static_cast<float>(rest) * 0x1p-24f));
}

std::uint16_t halfFromFloat(float value) {
  const std::uint32_t bits = bitsOf(value), rest = bits & 0x7fffffff;
  const std::uint32_t sign = (bits >> 16) & 0x8000;
  if (rest > 0x7f800000) return static_cast<std::uint16_t>(sign | 0x7e00 | ((rest >> 13) & 0x3ff));
  if (rest >= 0x47800000) return static_cast<std::uint16_t>(sign | 0x7c00);
  if (rest < 0x38800000) {  // a denormal half: adding 0.5 leaves its bits, rounded, at the end of the mantissa
    return static_cast<std::uint16_t>(sign | (bitsOf(floatOf(rest) + 0.5f) - 0x3f000000));
  }
  return static_cast<std::uint16_t>(sign | ((rest + 0xfff + ((rest >> 13) & 1) - 0x38000000) >> 13));
}

const std::array<float, 256>& byteValues() {
  static const std::array<float, 256> table = [] {
    std::array<float, 256> made{};
    for (int value = 0; value < 256; ++value) made[value] = static_cast<float>(value) / 255.0f;
    return made;
  }();
  return table;
}

// 0-`most`, rounded; whatever is not above 0 gives 0, NaN included.
template <typename Whole>
void encodeWhole(const float* values, std::size_t count, float most, Whole* out) {
  for (std::size_t place = 0; place < count; ++place) {
    const float value = values[place] > 0.0f ? values[place] : 0.0f;
    out[place] = static_cast<Whole>(static_cast<int>((value < 1.0f ? value : 1.0f) * most + 0.5f));
  }
}

// Pixels of 4 or 3 floats as the channels of a picture.
void reshape(const float* row, int channels, std::size_t count, int wanted, float* out) {
  for (std::size_t pixel = 0; pixel < count; ++pixel) {
    const float* from = row + pixel * channels;
    const float alpha = channels == 4 ? from[3] : 1.0f;
    float* to = out + pixel * wanted;
    if (wanted == 1) {
      to[0] = alpha;
      continue;
    }
    std::copy_n(from, 3, to);
    if (wanted == 4) to[3] = alpha;
  }
}

}  // namespace

char* Picture::at(int x, int y) const {
  return data + (static_cast<std::ptrdiff_t>(y) - bounds.y1) * rowBytes +
         (static_cast<std::ptrdiff_t>(x) - bounds.x1) * static_cast<std::ptrdiff_t>(channels * bytesOf(depth));
}

std::size_t bytesOf(Depth depth) {
  switch (depth) {
    case Depth::Byte: return 1;
    case Depth::Short: case Depth::Half: return 2;
    case Depth::Float: break;
  }
  return 4;
}

void decode(const void* values, Depth depth, std::size_t count, float* out) {
  switch (depth) {
    case Depth::Byte: {
      const auto* from = static_cast<const std::uint8_t*>(values);
      const std::array<float, 256>& table = byteValues();
      for (std::size_t place = 0; place < count; ++place) out[place] = table[from[place]];
      return;
    }
    case Depth::Short: {
      const auto* from = static_cast<const std::uint16_t*>(values);
      for (std::size_t place = 0; place < count; ++place) out[place] = static_cast<float>(from[place]) / 65535.0f;
      return;
    }
    case Depth::Half: {
      const auto* from = static_cast<const std::uint16_t*>(values);
      for (std::size_t place = 0; place < count; ++place) out[place] = floatFromHalf(from[place]);
      return;
    }
    case Depth::Float: std::memcpy(out, values, count * sizeof(float)); return;
  }
}

void encode(const float* values, Depth depth, std::size_t count, void* out) {
  switch (depth) {
    case Depth::Byte: return encodeWhole(values, count, 255.0f, static_cast<std::uint8_t*>(out));
    case Depth::Short: return encodeWhole(values, count, 65535.0f, static_cast<std::uint16_t*>(out));
    case Depth::Half: {
      auto* to = static_cast<std::uint16_t*>(out);
      for (std::size_t place = 0; place < count; ++place) to[place] = halfFromFloat(values[place]);
      return;
    }
    case Depth::Float: std::memcpy(out, values, count * sizeof(float)); return;
  }
}

void readRow(const Picture& picture, int y, int x1, int x2, float* out) {
  decode(picture.at(x1, y), picture.depth, static_cast<std::size_t>(x2 - x1) * picture.channels, out);
}

void readCoverage(const Picture& picture, int y, int x1, int x2, float* out) {
  std::fill_n(out, x2 - x1, 0.0f);
  const OfxRectI& bounds = picture.bounds;
  const int begin = std::max(x1, bounds.x1), end = std::min(x2, bounds.x2), channels = picture.channels;
  if (!picture.data || y < bounds.y1 || y >= bounds.y2 || begin >= end) return;
  std::vector<float> row(static_cast<std::size_t>(end - begin) * channels);
  readRow(picture, y, begin, end, row.data());
  for (int x = begin; x < end; ++x) {
    const std::size_t pixel = static_cast<std::size_t>(x - begin) * channels;
    out[x - x1] = channels == 3 ? 1.0f : row[pixel + channels - 1];
  }
}

void writeRow(const Picture& picture, int y, int x1, int x2, const float* row, int channels) {
  const std::size_t pixels = static_cast<std::size_t>(x2 - x1), values = pixels * picture.channels;
  if (!row) {
    std::memset(picture.at(x1, y), 0, values * bytesOf(picture.depth));  // 0 is all bits 0 in every depth
    return;
  }
  if (channels == picture.channels) return encode(row, picture.depth, values, picture.at(x1, y));
  std::vector<float> shaped(values);
  reshape(row, channels, pixels, picture.channels, shaped.data());
  encode(shaped.data(), picture.depth, values, picture.at(x1, y));
}

}  // namespace faceplate
