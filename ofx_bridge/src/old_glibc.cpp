// What the compiler's own runtime, linked into the plug-in, asks of a newer C library than hosts may run on.
//
// The plug-in is promised to load with glibc 2.28. Our code asks for nothing newer, but the static libstdc++ and
// libgcc of a compiler that was built on a newer system do, for the names below.
// Defined here, hidden, they never leave the plug-in. tests/ofx/test_plugin_bundle.py looks at what is left.

#include <link.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

#if defined(__GLIBC__)

namespace {

struct Wanted {
  std::uintptr_t address;
  void **begin, **end, **frames;
};

// Fill in where the object that holds an address lies, and where its table of frames is; 1 when it is this one.
int look(dl_phdr_info* info, std::size_t, void* out) {
  auto* wanted = static_cast<Wanted*>(out);
  const ElfW(Phdr)* frames = nullptr;
  bool here = false;
  for (int part = 0; part < info->dlpi_phnum; ++part) {
    const ElfW(Phdr)& facts = info->dlpi_phdr[part];
    const ElfW(Addr) begin = info->dlpi_addr + facts.p_vaddr;
    if (facts.p_type == PT_GNU_EH_FRAME) frames = &facts;
    if (facts.p_type != PT_LOAD || wanted->address < begin || wanted->address >= begin + facts.p_memsz) continue;
    *wanted->begin = reinterpret_cast<void*>(begin);
    *wanted->end = reinterpret_cast<void*>(begin + facts.p_memsz);
    here = true;
  }
  if (!here || !frames) return 0;
  *wanted->frames = reinterpret_cast<void*>(info->dlpi_addr + frames->p_vaddr);
  return 1;
}

}  // namespace

extern "C" {

#pragma GCC visibility push(hidden)

// False is the careful answer: libstdc++ then counts references atomically, as it always did.
char __libc_single_threaded = 0;

// As in glibc 2.35's dlfcn.h; libgcc looks for the frames of a function that an exception passes through.
struct FoundObject {
  unsigned long long flags;
  void *begin, *end;
  void* map;
  void* frames;
  unsigned long long reserved[7];
};

int findObject(void* address, FoundObject* found) asm("_dl_find_object");  // newer headers declare it already
int findObject(void* address, FoundObject* found) {
  *found = FoundObject();
  Wanted wanted = {reinterpret_cast<std::uintptr_t>(address), &found->begin, &found->end, &found->frames};
  return dl_iterate_phdr(look, &wanted) == 1 ? 0 : -1;
}

// Never called: that it is there says that there may be threads.
int __pthread_key_create(pthread_key_t*, void (*)(void*)) { return EAGAIN; }

int pthread_once(pthread_once_t* once, void (*call)()) {
  static_assert(sizeof(pthread_once_t) == sizeof(std::atomic<int>), "a once is an int");
  auto* state = reinterpret_cast<std::atomic<int>*>(once);
  int fresh = 0;
  if (state->compare_exchange_strong(fresh, 1)) {
    call();
    state->store(2);
  }
  while (state->load() != 2) {
  }
  return 0;
}

#pragma GCC visibility pop
}

#endif
