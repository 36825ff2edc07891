#include "over_source.h"

#include <algorithm>
#include <cstring>

namespace faceplate {
namespace {

float coverage(const Row& row, int pixel) { return std::min(std::max(row.mask[pixel], 0.0f), 1.0f); }

// Every pixel by its own share. Where source and result agree the source's own bits stay.
template <typename Share>
Painted blended(const Row& row, Share shareOf, float* out) {
  const float* result = row.answers.at("plate");
  for (int pixel = 0; pixel < row.pixels; ++pixel) {
    const float share = shareOf(pixel);
    const std::size_t first = static_cast<std::size_t>(pixel) * row.channels;
    for (int channel = 0; channel < row.channels; ++channel) {
      const float before = row.source[first + channel], after = result[first + channel];
      const bool untouched = share == 0 || std::memcmp(&before, &after, sizeof before) == 0;
      out[first + channel] = untouched ? before : share == 1 ? after : before + share * (after - before);
    }
  }
  return {out, row.channels};
}

}  // namespace

const Parameter kMix = {Parameter::Type::Number, "mix", "Mix",
                        "How much of the result is seen over the source. 0 gives the source back bit for bit.", "Output",
                        0, 1, 1, "", nullptr, 0, false};

Painter overSource(float share) {
  return [share](const Row& row, float* scratch) -> Painted {
    if (share == 1 && !row.mask) return {row.answers.at("plate"), row.channels};
    return blended(row, [&](int pixel) { return row.mask ? share * coverage(row, pixel) : share; }, scratch);
  };
}

Painter insteadOfSource() {
  return [](const Row& row, float* scratch) -> Painted {
    if (!row.mask) return {row.answers.at("plate"), row.channels};
    return blended(row, [&](int pixel) { return row.mask[pixel] > 0 ? 1.0f : 0.0f; }, scratch);
  };
}

}  // namespace faceplate
