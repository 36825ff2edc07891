// An effect under the load of a busy host, without Python around it: for builds with a sanitizer, which sees every
// line of this host and of the bundle, and nothing that it would have to take on trust.
//
//   stress BINARY IDENTIFIER THREADS INSTANCES ROUNDS
//
// THREADS render as many frames as there are ROUNDS, each of another of the INSTANCES every time, while one thread
// creates, changes and destroys further instances and another interrupts a render of its own. Every frame must come
// out the same, from whichever thread and instance. The exit code is 0 if it does.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "../src/plugin.h"

namespace faceplate::ofx_host {
namespace {

constexpr int kWidth = 97, kHeight = 61;
constexpr double kFrame = 5;
constexpr char kGeneral[] = "OfxImageEffectContextGeneral";

[[noreturn]] void fail(const std::string& sentence) { throw std::runtime_error(sentence); }

Property texts(Values values) { return {PropertyType::string, 0, values, values}; }
Property number(int value) { return {PropertyType::integer, 1, {value}, {value}}; }

// A host that has whatever an effect may want.
std::shared_ptr<Host> open_host() {
  const std::map<std::string, Property> properties = {
      {kOfxPropName, {PropertyType::string, 1, {std::string("faceplate.stress")}, {std::string("faceplate.stress")}}},
      {kOfxImageEffectPropSupportedPixelDepths, texts({std::string(kOfxBitDepthFloat)})},
      {kOfxImageEffectPropTemporalClipAccess, number(1)},
      {kOfxImageEffectPropSupportsTiles, number(1)},
  };
  const std::map<std::string, std::set<int>> suites = {
      {kOfxPropertySuite, {1}}, {kOfxImageEffectSuite, {1}}, {kOfxParameterSuite, {1}}, {kOfxMemorySuite, {1}},
      {kOfxMultiThreadSuite, {1}}, {kOfxMessageSuite, {1, 2}}, {kOfxProgressSuite, {1}},
  };
  return std::make_shared<Host>(properties, suites, Quirks());
}

ImagePointer image(bool filled) {
  ImageForm form;
  form.bounds = form.rod = {0, 0, kWidth, kHeight};
  const auto made = std::make_shared<Image>(form);
  auto* const values = reinterpret_cast<float*>(made->data());
  for (int place = 0; filled && place < kWidth * kHeight * 4; ++place) values[place] = float(place * 37 % 251) / 255.0f;
  return made;
}

std::string bytes_of(Image& image) {
  return {reinterpret_cast<char*>(image.data()), std::size_t(kWidth) * kHeight * image.pixel_bytes()};
}

// ---------------------------------------------------------------- one instance, from the first action to the last

class Worker {
 public:
  Worker(Plugin& plugin, const ImagePointer& source)
      : plugin_(plugin), instance_(*plugin.in_context(kGeneral), kGeneral) {
    instance_.set_time_bounds({1, 10});
    instance_.properties().put(kOfxImageEffectPropProjectSize, {double(kWidth), double(kHeight)});
    Clip& clip = *instance_.clip(kOfxImageEffectSimpleSourceClipName);
    clip.connect(true);
    clip.set_region_of_definition({0, 0, kWidth, kHeight});
    clip.properties().put(kOfxImageEffectPropFrameRange, {1.0, 10.0});
    clip.fetch_with([source](double) { return source; });
    act(kOfxActionCreateInstance, nullptr, nullptr);
  }

  ~Worker() { plugin_.call(kOfxActionDestroyInstance, handle(), nullptr, nullptr); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  Instance& instance() { return instance_; }

  OfxStatus render(const ImagePointer& output) {
    PropertySet in("arguments");
    define_frame(in);
    ask_first(in);
    const RenderScope scope(instance_, kFrame, output);
    return plugin_.call(kOfxImageEffectActionRender, handle(), &in, nullptr);
  }

  void change(const std::string& param, const Value& value) {
    Param* const found = instance_.params().find(param);
    if (found) found->set({value}, kFrame);
    PropertySet in("arguments");
    in.define_string(kOfxPropType, "OfxTypeParameter");
    in.define_string(kOfxPropName, param);
    in.define_string(kOfxPropChangeReason, kOfxChangeUserEdited);
    in.define_double(kOfxPropTime, kFrame);
    act(kOfxActionInstanceChanged, &in, nullptr);
  }

  void act(const char* action, PropertySet* in, PropertySet* out) {
    const OfxStatus status = plugin_.call(action, handle(), in, out);
    if (status != kOfxStatOK && status != kOfxStatReplyDefault) fail(std::string(action) + " failed");
  }

 private:
  const void* handle() { return static_cast<Live*>(&instance_); }

  static void define_frame(PropertySet& in) {
    in.define_double(kOfxPropTime, kFrame);
    in.define_string(kOfxImageEffectPropFieldToRender, kOfxImageFieldNone);
    in.define(kOfxImageEffectPropRenderWindow, PropertyType::integer, 4, {0, 0, kWidth, kHeight});
    in.define(kOfxImageEffectPropRenderScale, PropertyType::real, 2, {1.0, 1.0});
    in.define_int(kOfxImageEffectPropInteractiveRenderStatus, 0);
  }

  // What hosts ask on the threads they render on. Frames that are needed are not held against it here.
  void ask_first(PropertySet& in) {
    PropertySet identity("results"), frames("results");
    identity.define_string(kOfxPropName, "");
    identity.define_double(kOfxPropTime, kFrame);
    frames.define("OfxImageClipPropFrameRange_Source", PropertyType::real, 0, {kFrame, kFrame});
    act(kOfxImageEffectActionIsIdentity, &in, &identity);
    act(kOfxImageEffectActionGetFramesNeeded, &in, &frames);
  }

  Plugin& plugin_;
  Instance instance_;
};

// ---------------------------------------------------------------- the load

struct Load {
  Plugin& plugin;
  const ImagePointer source = image(true);
  const std::string wanted;
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0}, rendered{0}, interrupted{0}, lives{0};
};

void render_many(Load& load, std::vector<std::unique_ptr<Worker>>& workers, int first, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    const ImagePointer output = image(false);
    const OfxStatus status = workers[(first + round) % workers.size()]->render(output);
    const bool right = status == kOfxStatOK && bytes_of(*output) == load.wanted && output->intact();
    if (!right) ++load.wrong;
    ++load.rendered;
  }
}

void come_and_go(Load& load) {
  while (!load.done) {
    Worker worker(load.plugin, load.source);
    worker.change("mix", 0.5);
    worker.change("gain", 0.5);
    worker.act(kOfxActionPurgeCaches, nullptr, nullptr);
    ++load.lives;
  }
}

// A render that is interrupted a moment after it began, and its instance told to go on.
void interrupt(Load& load) {
  Worker worker(load.plugin, load.source);
  while (!load.done) {
    std::thread artist([&worker] {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      worker.instance().abort();
    });
    const ImagePointer output = image(false);
    const OfxStatus status = worker.render(output);
    artist.join();
    worker.instance().go_on();
    // What an interrupted effect answers is its own affair, and nobody looks at the picture.
    if ((status != kOfxStatOK && status != kOfxStatFailed) || !output->intact()) ++load.wrong;
    ++load.interrupted;
  }
}

std::string alone(Plugin& plugin) {
  Worker worker(plugin, image(true));
  const ImagePointer output = image(false);
  if (worker.render(output) != kOfxStatOK) {
    fail("the first render failed: " + worker.instance().persistent_message().text);
  }
  return bytes_of(*output);
}

int put_under_load(Plugin& plugin, int threads, int instances, int rounds) {
  Load load{plugin, image(true), alone(plugin)};
  {
    std::vector<std::unique_ptr<Worker>> workers;
    for (int each = 0; each < instances; ++each) workers.push_back(std::make_unique<Worker>(plugin, load.source));
    std::thread lives(come_and_go, std::ref(load)), interrupting(interrupt, std::ref(load));
    std::vector<std::thread> rendering;
    for (int each = 0; each < threads; ++each) {
      rendering.emplace_back(render_many, std::ref(load), std::ref(workers), each, rounds);
    }
    for (std::thread& thread : rendering) thread.join();
    load.done = true;
    lives.join();
    interrupting.join();
  }
  std::printf("%d rendered, %d interrupted, %d came and went, %d wrong\n", load.rendered.load(),
              load.interrupted.load(), load.lives.load(), load.wrong.load());
  return load.wrong;
}

void expect(OfxStatus status, const char* action) {
  if (status != kOfxStatOK && status != kOfxStatReplyDefault) fail(std::string(action) + " failed");
}

int run(const std::string& binary, const std::string& identifier, int threads, int instances, int rounds) {
  const auto library = std::make_shared<Library>(open_host(), binary, binary);
  int wrong = -1;
  for (OfxPlugin* const each : library->plugins()) {
    if (identifier != each->pluginIdentifier) continue;
    Plugin plugin(library, each);
    expect(plugin.call(kOfxActionLoad, nullptr, nullptr, nullptr), kOfxActionLoad);
    expect(plugin.call(kOfxActionDescribe, static_cast<Live*>(&plugin.new_descriptor()), nullptr, nullptr),
           kOfxActionDescribe);
    PropertySet in("arguments");
    in.define_string(kOfxImageEffectPropContext, kGeneral);
    expect(plugin.call(kOfxImageEffectActionDescribeInContext, static_cast<Live*>(&plugin.new_context(kGeneral)), &in,
                       nullptr),
           kOfxImageEffectActionDescribeInContext);
    wrong = put_under_load(plugin, threads, instances, rounds);
    expect(plugin.call(kOfxActionUnload, nullptr, nullptr, nullptr), kOfxActionUnload);
    plugin.close();
  }
  library->close();
  if (wrong < 0) fail("there is no effect " + identifier + " in " + binary);
  return wrong == 0 ? 0 : 1;
}

}  // namespace
}  // namespace faceplate::ofx_host

int main(int count, char** words) {
  if (count != 6) {
    std::fprintf(stderr, "stress BINARY IDENTIFIER THREADS INSTANCES ROUNDS\n");
    return 64;
  }
  try {
    return faceplate::ofx_host::run(words[1], words[2], std::atoi(words[3]), std::atoi(words[4]), std::atoi(words[5]));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "stress: %s\n", error.what());
    return 1;
  }
}
