#include "suites.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <vector>

#include "effect.h"

namespace faceplate::ofx_host {
namespace {

Instance* instance_of(void* handle) {
  Effect* const effect = alive<Effect>(handle, Kind::effect);
  return effect ? effect->as_instance() : nullptr;
}

// ---------------------------------------------------------------- memory

class Memory : public Live {
 public:
  explicit Memory(std::size_t bytes) : Live(Kind::memory), bytes_(bytes) {}
  void* data() { return bytes_.data(); }

 private:
  std::vector<unsigned char> bytes_;
};

struct Blocks {
  std::mutex mutex;
  std::unordered_map<void*, Memory*> by_data;
};

Blocks& blocks() {
  static auto* const one = new Blocks;
  return *one;
}

OfxStatus memory_alloc(void*, std::size_t bytes, void** data) {
  if (!data) return kOfxStatErrBadHandle;
  try {
    auto memory = std::make_unique<Memory>(std::max<std::size_t>(bytes, 1));
    std::lock_guard lock(blocks().mutex);
    blocks().by_data[memory->data()] = memory.get();
    *data = memory.release()->data();
  } catch (const std::exception&) {
    return kOfxStatErrMemory;
  }
  return kOfxStatOK;
}

OfxStatus memory_free(void* data) {
  Memory* found = nullptr;
  {
    std::lock_guard lock(blocks().mutex);
    const auto block = blocks().by_data.find(data);
    if (block == blocks().by_data.end()) return kOfxStatErrBadHandle;
    found = block->second;
    blocks().by_data.erase(block);
  }
  delete found;
  return kOfxStatOK;
}

constexpr OfxMemorySuiteV1 kMemory = {memory_alloc, memory_free};

// ---------------------------------------------------------------- threads

struct Spawned {
  bool here = false;
  unsigned int index = 0;
};

thread_local Spawned spawned;

unsigned int cpus() { return std::max(1u, std::thread::hardware_concurrency()); }

void run_one(OfxThreadFunctionV1* function, unsigned int index, unsigned int count, void* argument,
             const RenderContext& context) {
  const Spawned outer = spawned;
  const RenderContext outer_context = render_context();
  spawned = {true, index};
  set_render_context(context);
  try {
    function(index, count, argument);
  } catch (...) {
    note_refusal("a function given to multiThread threw an exception");
  }
  set_render_context(outer_context);
  spawned = outer;
}

OfxStatus multi_thread(OfxThreadFunctionV1* function, unsigned int count, void* argument) {
  if (!function) return kOfxStatFailed;
  if (spawned.here) return kOfxStatErrExists;
  if (!count) count = cpus();
  const RenderContext context = render_context();
  std::vector<std::thread> threads;
  unsigned int started = 1;
  try {
    for (; started < count; ++started) {
      threads.emplace_back(run_one, function, started, count, argument, context);
    }
  } catch (const std::system_error&) {
    note_refusal("no more threads could be started");
  }
  run_one(function, 0, count, argument, context);
  // Where the machine gave too few threads, this one does what is left: every index has to be worked on.
  for (unsigned int index = started; index < count; ++index) run_one(function, index, count, argument, context);
  for (std::thread& thread : threads) thread.join();
  return kOfxStatOK;
}

OfxStatus number_of_cpus(unsigned int* count) {
  if (!count) return kOfxStatFailed;
  *count = spawned.here ? 1 : cpus();
  return kOfxStatOK;
}

OfxStatus thread_index(unsigned int* index) {
  if (!index || !spawned.here) return kOfxStatFailed;
  *index = spawned.index;
  return kOfxStatOK;
}

int is_spawned() { return spawned.here; }

class Mutex : public Live {
 public:
  Mutex() : Live(Kind::mutex) {}
  std::recursive_mutex mutex;
};

Mutex* mutex_of(OfxMutexHandle handle) { return alive<Mutex>(handle, Kind::mutex); }

OfxStatus mutex_create(OfxMutexHandle* handle, int locks) {
  if (!handle) return kOfxStatErrBadHandle;
  auto* const made = new Mutex;
  for (int lock = 0; lock < locks; ++lock) made->mutex.lock();
  *handle = handle_of<OfxMutexHandle>(made);
  return kOfxStatOK;
}

OfxStatus mutex_destroy(const OfxMutexHandle handle) {
  Mutex* const mutex = mutex_of(handle);
  if (!mutex) return kOfxStatErrBadHandle;
  delete mutex;
  return kOfxStatOK;
}

OfxStatus mutex_lock(const OfxMutexHandle handle) {
  Mutex* const mutex = mutex_of(handle);
  if (!mutex) return kOfxStatErrBadHandle;
  mutex->mutex.lock();
  return kOfxStatOK;
}

OfxStatus mutex_unlock(const OfxMutexHandle handle) {
  Mutex* const mutex = mutex_of(handle);
  if (!mutex) return kOfxStatErrBadHandle;
  mutex->mutex.unlock();
  return kOfxStatOK;
}

OfxStatus mutex_try_lock(const OfxMutexHandle handle) {
  Mutex* const mutex = mutex_of(handle);
  if (!mutex) return kOfxStatErrBadHandle;
  return mutex->mutex.try_lock() ? kOfxStatOK : kOfxStatFailed;
}

constexpr OfxMultiThreadSuiteV1 kMultiThread = {
    multi_thread,  number_of_cpus, thread_index, is_spawned,     mutex_create,
    mutex_destroy, mutex_lock,     mutex_unlock, mutex_try_lock,
};

// ---------------------------------------------------------------- messages

std::string formatted(const char* format, va_list arguments) {
  if (!format) return "";
  va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (length <= 0) return "";
  std::string text(static_cast<std::size_t>(length) + 1, '\0');
  std::vsnprintf(text.data(), text.size(), format, arguments);
  text.resize(static_cast<std::size_t>(length));
  return text;
}

void deliver(void* effect, const Message& message) {
  if (Instance* const instance = instance_of(effect)) return instance->add_message(message);
  if (Effect* const described = alive<Effect>(effect, Kind::effect)) return described->host().add_message(message);
  note_refusal("a message for nobody: " + message.text);
}

OfxStatus message(void* effect, const char* type, const char* id, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const std::string text = formatted(format, arguments);
  va_end(arguments);
  const std::string kind = type ? type : "";
  deliver(effect, {kind, id ? id : "", text, false});
  // Nobody is there to answer.
  return kind == kOfxMessageQuestion ? kOfxStatReplyNo : kOfxStatOK;
}

OfxStatus set_persistent(void* effect, const char* type, const char* id, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const std::string text = formatted(format, arguments);
  va_end(arguments);
  deliver(effect, {type ? type : "", id ? id : "", text, true});
  return kOfxStatOK;
}

OfxStatus clear_persistent(void* effect) {
  Instance* const instance = instance_of(effect);
  if (!instance) return kOfxStatErrBadHandle;
  instance->clear_persistent_message();
  return kOfxStatOK;
}

constexpr OfxMessageSuiteV1 kMessage1 = {message};
constexpr OfxMessageSuiteV2 kMessage2 = {message, set_persistent, clear_persistent};
constexpr OfxMessageSuiteV2 kNullMessage2 = {message, nullptr, nullptr};

// ---------------------------------------------------------------- progress and time line

OfxStatus progress_start_1(void* effect, const char* label) {
  Instance* const instance = instance_of(effect);
  return instance ? instance->begin_progress(label ? label : "") : kOfxStatErrBadHandle;
}

OfxStatus progress_start_2(void* effect, const char* label, const char*) { return progress_start_1(effect, label); }

OfxStatus progress_update(void* effect, double share) {
  Instance* const instance = instance_of(effect);
  return instance ? instance->update_progress(share) : kOfxStatErrBadHandle;
}

OfxStatus progress_end(void* effect) {
  Instance* const instance = instance_of(effect);
  return instance ? instance->end_progress() : kOfxStatErrBadHandle;
}

constexpr OfxProgressSuiteV1 kProgress1 = {progress_start_1, progress_update, progress_end};
constexpr OfxProgressSuiteV2 kProgress2 = {progress_start_2, progress_update, progress_end};

OfxStatus get_time(void* effect, double* time) {
  Instance* const instance = instance_of(effect);
  if (!instance || !time) return kOfxStatErrBadHandle;
  *time = instance->time();
  return kOfxStatOK;
}

OfxStatus go_to_time(void* effect, double time) {
  Instance* const instance = instance_of(effect);
  if (!instance) return kOfxStatErrBadHandle;
  if (rendering_here()) {
    note_refusal("gotoTime is not for render threads");
    return kOfxStatFailed;
  }
  instance->set_time(time);
  return kOfxStatOK;
}

OfxStatus time_bounds(void* effect, double* first, double* last) {
  Instance* const instance = instance_of(effect);
  if (!instance || !first || !last) return kOfxStatErrBadHandle;
  const OfxRangeD bounds = instance->time_bounds();
  *first = bounds.min;
  *last = bounds.max;
  return kOfxStatOK;
}

constexpr OfxTimeLineSuiteV1 kTimeLine = {get_time, go_to_time, time_bounds};

}  // namespace

const OfxMemorySuiteV1* memory_suite() { return &kMemory; }
const OfxMultiThreadSuiteV1* multi_thread_suite() { return &kMultiThread; }
const OfxMessageSuiteV1* message_suite_1() { return &kMessage1; }
const OfxMessageSuiteV2* message_suite_2() { return &kMessage2; }
const OfxMessageSuiteV2* null_message_suite_2() { return &kNullMessage2; }
const OfxProgressSuiteV1* progress_suite_1() { return &kProgress1; }
const OfxProgressSuiteV2* progress_suite_2() { return &kProgress2; }
const OfxTimeLineSuiteV1* time_line_suite() { return &kTimeLine; }

}  // namespace faceplate::ofx_host
