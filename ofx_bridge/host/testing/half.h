// IEEE binary16 to float and back, to the nearest, ties to even.

#pragma once

#include <cstdint>
#include <cstring>

namespace testing {

inline float float_of(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t(half & 0x8000u) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1fu, fraction = half & 0x3ffu;
  if (exponent == 0) {
    const float small = static_cast<float>(fraction) * 5.9604644775390625e-8f;  // 2^-24
    return sign ? -small : small;
  }
  const std::uint32_t bits =
      sign | ((exponent == 31 ? 255u : exponent + 112u) << 23) | (fraction << 13);
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

inline std::uint16_t half_of(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, 4);
  const std::uint32_t sign = (bits >> 16) & 0x8000u, rest = bits & 0x7fffffffu;
  if (rest > 0x7f800000u) return static_cast<std::uint16_t>(sign | 0x7e00u);
  if (rest >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);  // rounds beyond 65504
  if (rest < 0x38800000u) {                                                    // below 2^-14: no exponent left
    float magnitude;
    std::memcpy(&magnitude, &rest, 4);
    // Adding 1/2 leaves the wanted bits, rounded, at the end of the sum.
    const float sum = magnitude + 0.5f;
    std::uint32_t summed;
    std::memcpy(&summed, &sum, 4);
    return static_cast<std::uint16_t>(sign | (summed - 0x3f000000u));
  }
  const std::uint32_t rounded = rest + 0xfffu + ((rest >> 13) & 1u);
  return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

}  // namespace testing
