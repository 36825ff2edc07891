#include "launch.h"

#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include "backoff.h"
#include "spawn.h"

extern char** environ;

namespace faceplate {
namespace {

constexpr double kConnect = 0.2;
constexpr double kStarting = 10.0;  // seconds in which an engine that was started is not started again
constexpr off_t kLargestLog = 1 << 20;

// Like unique_ptr, for a descriptor.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// ---------------------------------------------------------------- the folder

// Facts about a path, through statx: stat and its kin have newer versions in newer C libraries.
struct Facts {
  bool there = false, folder = false;
  uid_t owner = 0;
  unsigned mode = 0;
  off_t size = 0;
};

Facts factsOf(const std::string& path, bool follow) {
  struct statx told{};
  Facts facts;
  const int flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
  if (statx(AT_FDCWD, path.c_str(), flags, STATX_TYPE | STATX_MODE | STATX_UID | STATX_SIZE, &told) != 0) return facts;
  facts.there = true;
  facts.folder = S_ISDIR(told.stx_mode);
  facts.owner = told.stx_uid;
  facts.mode = told.stx_mode;
  facts.size = static_cast<off_t>(told.stx_size);
  return facts;
}

bool isOwnFolder(const std::string& path) {
  const Facts facts = factsOf(path, true);
  return facts.folder && facts.owner == getuid();
}

std::string folderName() {
  const std::string told = variable("FACEPLATE_RUNTIME");
  if (!told.empty()) return told;
  const std::string user = std::to_string(getuid()), ofSession = variable("XDG_RUNTIME_DIR");
  if (!ofSession.empty() && isOwnFolder(ofSession)) return ofSession + "/faceplate";
  const std::string ofSystem = std::string("/run/user/") + user;
  if (isOwnFolder(ofSystem)) return ofSystem + "/faceplate";
  return std::string("/") + "tmp/faceplate-" + user;  // not TMPDIR: two shells, one engine
}

[[noreturn]] void badFolder(const std::string& folder, const std::string& why) {
  throw Error("engine.folder", "The folder " + folder + " cannot hold the engine's socket: " + why +
                                   ". Put that right, or set FACEPLATE_RUNTIME to a folder of your own.");
}

void makeParents(const std::string& folder) {
  for (std::size_t at = folder.find('/', 1); at != folder.npos; at = folder.find('/', at + 1)) {
    mkdir(folder.substr(0, at).c_str(), 0777);  // it is there already, or the last mkdir says what is wrong
  }
}

std::string runtimeFolder() {
  const std::string folder = folderName();
  makeParents(folder);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    badFolder(folder, std::string("it cannot be made (") + std::strerror(errno) + ")");
  }
  const Facts facts = factsOf(folder, false);
  if (!facts.folder) badFolder(folder, "it is no folder");
  if (facts.owner != getuid()) badFolder(folder, "it belongs to somebody else");
  if (facts.mode & 077) badFolder(folder, "others may look into it; `chmod 700` it");
  if (folder.size() + std::strlen("/engine.sock") >= sizeof(sockaddr_un::sun_path)) {
    badFolder(folder, "its name is too long for a socket");
  }
  return folder;
}

// ---------------------------------------------------------------- connecting

[[noreturn]] void absent(const std::string& why) {
  throw Error("engine.absent", "There is no Faceplate engine: " + why + ". Run `faceplate engine start` to see more.");
}

bool servedByUs(int socket) {
  ucred peer{};
  socklen_t length = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == getuid();
}

// A socket connected to the engine that lives in a folder, -1 when there is none.
int knock(const std::string& folder, const Patience& patience) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, (folder + "/engine.sock").c_str());  // its length was checked with the folder
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) absent(std::string("no socket could be made (") + std::strerror(errno) + ")");
  const double until = now() + kConnect;
  // A Unix socket connects at once, or says EAGAIN while the engine's queue of connections is full.
  while (connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED || errno == ECONNRESET) return -1;
    if (errno != EAGAIN && errno != EINTR) absent(std::string("connecting to it failed (") + std::strerror(errno) + ")");
    if (now() > until) {
      throw Error("engine.busy", "The engine takes no more connections. Wait a moment; if it stays so, run "
                                 "`faceplate engine stop`.");
    }
    patience.breathe();
  }
  if (!servedByUs(socket.get())) {
    throw Error("engine.peer", "The engine's socket is served by another user; nothing was sent.");
  }
  return socket.release();
}

// ---------------------------------------------------------------- starting

// Path of this plug-in's own file, as the system loaded it.
std::string ownPath() {
  std::string found;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {
        const ElfW(Addr) here = reinterpret_cast<ElfW(Addr)>(&ownPath);
        for (int part = 0; part < info->dlpi_phnum; ++part) {
          const ElfW(Phdr)& facts = info->dlpi_phdr[part];
          const ElfW(Addr) begin = info->dlpi_addr + facts.p_vaddr;
          if (facts.p_type != PT_LOAD || here < begin || here >= begin + facts.p_memsz) continue;
          *static_cast<std::string*>(out) = info->dlpi_name ? info->dlpi_name : "";
          return 1;
        }
        return 0;
      },
      &found);
  return found;
}

bool canRun(const std::string& path) { return access(path.c_str(), X_OK) == 0 && !factsOf(path, true).folder; }

std::string onPath(const std::string& name) {
  const std::string folders = variable("PATH") + ":";
  for (std::size_t begin = 0, end; (end = folders.find(':', begin)) != folders.npos; begin = end + 1) {
    const std::string path = folders.substr(begin, end - begin) + "/" + name;
    if (end > begin && canRun(path)) return path;
  }
  return "";
}

// $FACEPLATE_ENGINE, on PATH, or in the .venv of the checkout that this bundle lies in.
std::string engineCommand() {
  const std::string told = variable("FACEPLATE_ENGINE");
  if (!told.empty()) return told;
  const std::string found = onPath("faceplate");
  if (!found.empty()) return found;
  std::string folder = ownPath();
  for (std::size_t end; (end = folder.rfind('/')) != folder.npos && end > 0;) {
    folder.resize(end);
    if (canRun(folder + "/.venv/bin/faceplate")) return folder + "/.venv/bin/faceplate";
  }
  throw Error("engine.absent", "The faceplate command was not found, so the engine cannot be started. Install "
                               "Faceplate, or set FACEPLATE_ENGINE to the command's path.");
}

// What of a host's environment the engine may see: a host's libraries and Python settings would break it.
std::vector<std::string> cleanEnvironment() {
  static const char* const kept[] = {"HOME", "USER", "LOGNAME", "PATH", "LANG", "TZ", "TMPDIR", "OCIO",
                                     "CUDA_VISIBLE_DEVICES"};
  static const char* const keptStarts[] = {"LC_", "XDG_", "FACEPLATE_"};
  std::vector<std::string> found;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string text = *entry, name = text.substr(0, text.find('='));
    const auto is = [&](const char* word) { return name == word; };
    const auto starts = [&](const char* word) { return name.compare(0, std::strlen(word), word) == 0; };
    if (std::any_of(std::begin(kept), std::end(kept), is) ||
        std::any_of(std::begin(keptStarts), std::end(keptStarts), starts)) {
      found.push_back(text);
    }
  }
  return found;
}

int openLog(const std::string& folder) {
  const std::string path = folder + "/engine.log";
  if (factsOf(path, false).size > kLargestLog) rename(path.c_str(), (path + ".1").c_str());
  const Descriptor log(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  return fcntl(log.get(), F_DUPFD_CLOEXEC, 3);  // a host without standard streams must not lose it to one of them
}

std::string lastWords(const std::string& folder) {
  Descriptor log(open((folder + "/engine.log").c_str(), O_RDONLY | O_CLOEXEC));
  char bytes[2000];
  const off_t size = lseek(log.get(), 0, SEEK_END);
  const ssize_t got = size < 0 ? 0 : pread(log.get(), bytes, sizeof bytes, std::max<off_t>(0, size - off_t(sizeof bytes)));
  std::string text(bytes, got > 0 ? static_cast<std::size_t>(got) : 0);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  const std::size_t line = text.rfind('\n');
  if (text.empty()) return "its log is empty";
  return "its log ends: " + text.substr(line == text.npos ? 0 : line + 1);
}

struct Child {
  pid_t process;
  double since;
};

std::mutex children_lock;
std::vector<Child> children;  // engines of ours whose end nobody has noted yet

// How a child ended, or -1 while it lives, or when the host has buried it.
int endOf(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, WNOHANG) != child) return -1;
  const std::lock_guard<std::mutex> held(children_lock);
  const auto is = [child](const Child& each) { return each.process == child; };
  children.erase(std::remove_if(children.begin(), children.end(), is), children.end());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

pid_t startEngine(const std::string& folder, const std::string& command) {
  const Descriptor log(openLog(folder));
  const Spawned spawned = spawn({command, "engine", "start", "--foreground"}, cleanEnvironment(), log.get());
  if (spawned.child < 0) {
    throw Error("engine.absent", "The engine could not be started: " + command + ": " + std::strerror(spawned.reason) +
                                     ". Set FACEPLATE_ENGINE to the path of the faceplate command.");
  }
  const std::lock_guard<std::mutex> held(children_lock);
  children.push_back({spawned.child, now()});
  return spawned.child;
}

// An engine of ours that is still starting, for a render that the host has given up meanwhile; -1 when there is none.
pid_t startingEngine() {
  buryEngines();
  const std::lock_guard<std::mutex> held(children_lock);
  for (const Child& child : children) {
    if (now() - child.since < kStarting) return child.process;
  }
  return -1;
}

int started(const std::string& folder, double until, const Patience& patience) {
  const std::string command = engineCommand();
  const pid_t before = startingEngine();
  const pid_t child = before >= 0 ? before : startEngine(folder, command);
  while (now() < until) {
    const int found = knock(folder, patience);
    if (found >= 0) return found;
    const int status = endOf(child);
    if (status >= 0) absent("it ended at once with exit code " + std::to_string(status) + "; " + lastWords(folder));
    patience.breathe();
  }
  absent(command + " did not answer in time; " + lastWords(folder));
}

}  // namespace

int reach(double until, const Patience& patience) {
  const std::string folder = runtimeFolder();
  const int found = knock(folder, patience);
  if (found >= 0) return found;
  const Descriptor lock(open((folder + "/spawn.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  while (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (now() > until) absent("another program has been starting it for too long");
    patience.breathe();
  }
  const int since = knock(folder, patience);
  if (since >= 0) return since;
  backoff::expectStartAllowed();
  try {
    return started(folder, until, patience);
  } catch (const Error& error) {
    backoff::failed(error);  // before the lock is free: whoever waits for it should not try the same again
    throw;
  }
}

void buryEngines() {
  std::vector<Child> ours;
  {
    const std::lock_guard<std::mutex> held(children_lock);
    ours = children;
  }
  for (const Child& child : ours) endOf(child.process);
}

}  // namespace faceplate
