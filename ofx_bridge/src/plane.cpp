#include "plane.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "errors.h"

namespace faceplate {
namespace {

[[noreturn]] void noMemory(std::size_t bytes) {
  throw Error("engine.memory", "No " + std::to_string(bytes / 1000000) + " MB could be had to share with the engine (" +
                                   std::strerror(errno) + "). Close something, or work on a smaller plate.");
}

Json listed(const Window& window) { return Json::list({window.x0, window.y0, window.x1, window.y1}); }

}  // namespace

Buffer::Buffer(int number, std::size_t bytes) : number_(number), bytes_(bytes), pixels_(nullptr) {
  descriptor_ = memfd_create("faceplate", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (descriptor_ < 0) noMemory(bytes);
  void* memory = MAP_FAILED;
  const bool sized = ftruncate(descriptor_, static_cast<off_t>(bytes)) == 0 &&
                     fcntl(descriptor_, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0;
  // All pages at once: touching them one by one later costs several times the copy itself.
  if (sized) memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor_, 0);
  if (memory == MAP_FAILED) {
    close(descriptor_);
    noMemory(bytes);
  }
  pixels_ = static_cast<float*>(memory);
}

Buffer::~Buffer() {
  munmap(pixels_, bytes_);
  close(descriptor_);
}

Json Plane::asWords(int buffer) const {
  return Json::object({
      {"buffer", buffer},
      {"offset", 0},
      {"row_bytes", static_cast<std::int64_t>(rowFloats() * sizeof(float))},
      {"channels", channels == 4 ? "RGBA" : channels == 3 ? "RGB" : "A"},
      {"dtype", "float32"},
      {"data_window", listed(dataWindow)},
      {"display_window", listed(displayWindow)},
      {"colourspace", colourspace},
      {"alpha", alpha},
      {"frame", frame},
  });
}

std::size_t pageRounded(std::size_t bytes) {
  const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

}  // namespace faceplate
