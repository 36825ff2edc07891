// The host for Python: plain objects and one call, `act`, for every action. What is asked in which order is decided
// there (faceplate.ofx_host), not here. A plug-in always runs without Python's lock.

#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "plugin.h"

namespace py = pybind11;

namespace faceplate::ofx_host {
namespace {

using Ints = std::tuple<int, int, int, int>;
using Doubles = std::tuple<double, double, double, double>;

OfxRectI rect(const Ints& box) {
  return {std::get<0>(box), std::get<1>(box), std::get<2>(box), std::get<3>(box)};
}

// ---------------------------------------------------------------- values and properties

py::object as_python(const Value& value) {
  if (std::holds_alternative<int>(value)) return py::int_(std::get<int>(value));
  if (std::holds_alternative<double>(value)) return py::float_(std::get<double>(value));
  if (std::holds_alternative<void*>(value)) return py::bool_(std::get<void*>(value) != nullptr);
  // Third-party plug-ins are not always UTF-8.
  const std::string& text = std::get<std::string>(value);
  return py::reinterpret_steal<py::object>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
}

py::list as_python(const Values& values) {
  py::list told;
  for (const Value& value : values) told.append(as_python(value));
  return told;
}

Value as_value(PropertyType type, const py::handle& value) {
  if (type == PropertyType::integer) return value.cast<int>();
  if (type == PropertyType::real) return value.cast<double>();
  if (type == PropertyType::string) return value.cast<std::string>();
  throw py::type_error("a pointer cannot be set from Python");
}

Values as_values(PropertyType type, const py::handle& values) {
  Values taken;
  for (const py::handle value : values) taken.push_back(as_value(type, value));
  return taken;
}

PropertyType type_named(const std::string& name) {
  if (name == "int") return PropertyType::integer;
  if (name == "double") return PropertyType::real;
  if (name == "string") return PropertyType::string;
  throw py::value_error("a property's type should be int, double or string, got " + name);
}

// {name: (type, dimension, values)}
void define_all(PropertySet& set, const py::dict& properties) {
  for (const auto& item : properties) {
    const auto [type, dimension, values] = item.second.cast<std::tuple<std::string, int, py::list>>();
    set.define(item.first.cast<std::string>(), type_named(type), dimension, as_values(type_named(type), values));
  }
}

py::dict told(const PropertySet& set) {
  py::dict named;
  for (const auto& property : set.all()) named[py::str(property.first)] = as_python(property.second.values);
  return named;
}

void put(PropertySet& set, const std::string& name, const py::list& values) {
  const auto all = set.all();
  const auto found = all.find(name);
  if (found == all.end()) throw py::key_error(name);
  set.put(name, as_values(found->second.type, values));
}

// ---------------------------------------------------------------- host

std::shared_ptr<Host> make_host(const py::dict& properties, std::map<std::string, std::set<int>> suites,
                                const py::dict& odd) {
  PropertySet described("host");
  define_all(described, properties);
  Quirks quirks;
  const auto take = [&odd](const char* name, auto& field) {
    if (odd.contains(name)) field = odd[name].cast<std::decay_t<decltype(field)>>();
  };
  take("message_v2_is_null", quirks.message_v2_is_null);
  take("param_copy_ignored", quirks.param_copy_ignored);
  take("unranged_is_tiny", quirks.unranged_is_tiny);
  take("says_connected", quirks.says_connected);
  take("unconnected_has_no_depth", quirks.unconnected_has_no_depth);
  take("clamps_time", quirks.clamps_time);
  take("refuses_undeclared", quirks.refuses_undeclared);
  take("refused_params", quirks.refused_params);
  take("missing_on_effect", quirks.missing_on_effect);
  return std::make_shared<Host>(described.all(), std::move(suites), std::move(quirks));
}

// ---------------------------------------------------------------- images

ImagePointer make_image(const Ints& bounds, const std::string& depth, const std::string& components,
                        const std::optional<Ints>& rod, int padding, bool top_down,
                        std::pair<double, double> render_scale, double pixel_aspect,
                        const std::string& premultiplication, const std::string& field,
                        const std::string& identifier) {
  ImageForm form;
  form.bounds = rect(bounds);
  form.rod = rect(rod.value_or(bounds));
  form.depth = depth;
  form.components = components;
  form.padding = padding;
  form.top_down = top_down;
  form.render_scale = {render_scale.first, render_scale.second};
  form.pixel_aspect = pixel_aspect;
  form.premultiplication = premultiplication;
  form.field = field;
  form.identifier = identifier;
  return std::make_shared<Image>(std::move(form));
}

// The pixels themselves, (H, W, C), the top row first whatever the memory's order.
py::array pixels_of(const ImagePointer& image) {
  const std::string& depth = image->form().depth;
  const char* const kind = depth == kOfxBitDepthByte    ? "u1"
                           : depth == kOfxBitDepthShort ? "u2"
                           : depth == kOfxBitDepthHalf  ? "f2"
                                                        : "f4";
  unsigned char* const top = image->data() + (image->height() - 1) * image->row_bytes();
  const std::vector<py::ssize_t> shape = {image->height(), image->width(), image->channels()};
  const std::vector<py::ssize_t> strides = {-image->row_bytes(), image->pixel_bytes(), image->sample_bytes()};
  return py::array(py::dtype(kind), shape, strides, top, py::cast(image));
}

// ---------------------------------------------------------------- plug-ins and instances

// An instance with what it needs to live: its plug-in, and whether it may still be spoken to.
class Running {
 public:
  Running(std::shared_ptr<Plugin> plugin, const std::string& context)
      : plugin_(std::move(plugin)), instance_(std::make_unique<Instance>(described(*plugin_, context), context)) {}

  Instance& instance() const {
    if (!instance_) throw py::value_error("this instance was destroyed");
    return *instance_;
  }

  py::tuple act(const std::string& action, const py::dict& in, const py::dict& out, const ImagePointer& output,
                double time) {
    Instance& target = instance();
    PropertySet in_args("arguments of " + action), out_args("results of " + action);
    define_all(in_args, in);
    define_all(out_args, out);
    OfxStatus status;
    {
      py::gil_scoped_release free;
      status = output ? rendered(target, action, in_args, out_args, output, time)
                      : plugin_->call(action.c_str(), static_cast<Live*>(&target), in.empty() ? nullptr : &in_args,
                                      out.empty() ? nullptr : &out_args);
    }
    return py::make_tuple(status, told(out_args));
  }

  // Frees the instance, and with it whatever its plug-in did not give back.
  void release() { instance_.reset(); }

 private:
  static Effect& described(Plugin& plugin, const std::string& context) {
    Effect* const found = plugin.in_context(context);
    if (!found) throw py::value_error("describe the effect in " + context + " first");
    return *found;
  }

  OfxStatus rendered(Instance& target, const std::string& action, PropertySet& in, PropertySet& out,
                     const ImagePointer& output, double time) {
    const std::string safety = target.properties().string(kOfxImageEffectPluginRenderThreadSafety);
    std::unique_lock<std::mutex> lock;
    if (safety == kOfxImageEffectRenderUnsafe) lock = std::unique_lock(plugin_->render_lock());
    if (safety == kOfxImageEffectRenderInstanceSafe) lock = std::unique_lock(render_lock_);
    const RenderScope scope(target, time, output);
    target.start_poll_clock();
    return plugin_->call(action.c_str(), static_cast<Live*>(&target), &in, &out);
  }

  const std::shared_ptr<Plugin> plugin_;
  std::unique_ptr<Instance> instance_;
  std::mutex render_lock_;
};

py::tuple call_described(Plugin& plugin, const std::string& action, const std::optional<std::string>& context,
                         bool load_or_unload) {
  PropertySet in_args("arguments of " + action);
  Effect* target = load_or_unload ? nullptr : &plugin.descriptor();
  if (action == kOfxActionDescribe) target = &plugin.new_descriptor();
  if (context) {
    in_args.define_string(kOfxImageEffectPropContext, *context);
    target = &plugin.new_context(*context);
  }
  OfxStatus status;
  {
    py::gil_scoped_release free;
    status = plugin.call(action.c_str(), static_cast<Live*>(target), context ? &in_args : nullptr, nullptr);
  }
  return py::make_tuple(status, context ? told(target->properties()) : py::dict());
}

py::dict params_told(Effect& effect) {
  py::dict named;
  for (Param* const param : effect.params().all()) {
    py::dict properties = told(param->properties());
    properties["type"] = param->type();
    named[py::str(param->name())] = properties;
  }
  return named;
}

py::dict clips_told(Effect& effect) {
  py::dict named;
  for (Clip* const clip : effect.clips()) named[py::str(clip->name())] = told(clip->properties());
  return named;
}

Param& param_named(const Running& running, const std::string& name) {
  Param* const found = running.instance().params().find(name);
  if (!found) throw py::key_error(name);
  return *found;
}

Clip& clip_named(const Running& running, const std::string& name) {
  Clip* const found = running.instance().clip(name);
  if (!found) throw py::key_error(name);
  return *found;
}

void bind_image(py::module_& module) {
  py::class_<Image, ImagePointer>(module, "Image", "Pixels as a plug-in sees them; see faceplate.ofx_host.images.")
      .def(py::init(&make_image), py::arg("bounds"), py::arg("depth"), py::arg("components"), py::kw_only(),
           py::arg("rod") = py::none(), py::arg("padding") = 0, py::arg("top_down") = false,
           py::arg("render_scale") = std::make_pair(1.0, 1.0), py::arg("pixel_aspect") = 1.0,
           py::arg("premultiplication") = kOfxImagePreMultiplied, py::arg("field") = kOfxImageFieldNone,
           py::arg("identifier") = "")
      .def_property_readonly("pixels", &pixels_of)
      .def_property_readonly("row_bytes", &Image::row_bytes)
      .def_property_readonly("intact", &Image::intact)
      .def_property_readonly("depth", [](const Image& image) { return image.form().depth; })
      .def_property_readonly("components", [](const Image& image) { return image.form().components; })
      .def_property_readonly("premultiplication",
                             [](const Image& image) { return image.form().premultiplication; })
      .def_property_readonly("bounds", [](const Image& image) {
        const OfxRectI& bounds = image.form().bounds;
        return Ints(bounds.x1, bounds.y1, bounds.x2, bounds.y2);
      });
}

void bind_plugin(py::module_& module) {
  py::class_<Host, std::shared_ptr<Host>>(module, "Host")
      .def(py::init(&make_host))
      .def_property_readonly("properties", [](const Host& host) { return told(host.properties()); })
      .def_property_readonly("messages", &Host::messages);
  py::class_<Library, std::shared_ptr<Library>>(module, "Library")
      .def(py::init<std::shared_ptr<Host>, const std::string&, const std::string&>(),
           py::call_guard<py::gil_scoped_release>())
      .def("close", &Library::close, py::call_guard<py::gil_scoped_release>())
      .def("plugins", [](const std::shared_ptr<Library>& library) {
        std::vector<std::shared_ptr<Plugin>> plugins;
        for (OfxPlugin* const plugin : library->plugins()) {
          plugins.push_back(std::make_shared<Plugin>(library, plugin));
        }
        return plugins;
      });
  py::class_<Plugin, std::shared_ptr<Plugin>>(module, "Plugin")
      .def_property_readonly("identifier", &Plugin::identifier)
      .def_property_readonly("version", &Plugin::version)
      .def("close", &Plugin::close)
      .def("call", &call_described, py::arg("action"), py::arg("context") = py::none(), py::kw_only(),
           py::arg("load_or_unload") = false)
      .def_property_readonly("properties", [](Plugin& p) { return told(p.descriptor().properties()); })
      .def("params", [](Plugin& p, const std::string& context) {
        Effect* const found = p.in_context(context);
        return found ? params_told(*found) : py::dict();
      })
      .def("clips", [](Plugin& p, const std::string& context) {
        Effect* const found = p.in_context(context);
        return found ? clips_told(*found) : py::dict();
      });
}

void bind_clips(py::class_<Running>& running) {
  running
      .def("clips", [](const Running& r) { return clips_told(r.instance()); })
      .def("put_clip", [](const Running& r, const std::string& clip, const std::string& name,
                          const py::list& values) { put(clip_named(r, clip).properties(), name, values); })
      .def("connect", [](const Running& r, const std::string& clip, bool on) { clip_named(r, clip).connect(on); })
      .def("put_image", [](const Running& r, const std::string& clip, double time,
                           ImagePointer image) { clip_named(r, clip).put(time, std::move(image)); })
      .def("remove_images", [](const Running& r, const std::string& clip) { clip_named(r, clip).remove_images(); })
      .def("fetch_with", [](const Running& r, const std::string& clip,
                            Fetch fetch) { clip_named(r, clip).fetch_with(std::move(fetch)); })
      .def("put_region", [](const Running& r, const std::string& clip, const Doubles& box) {
        clip_named(r, clip).set_region_of_definition(
            {std::get<0>(box), std::get<1>(box), std::get<2>(box), std::get<3>(box)});
      })
      .def("declare", [](const Running& r, const std::string& clip, const std::optional<TimeRanges>& ranges) {
        Clip& target = clip_named(r, clip);
        ranges ? target.declare(*ranges) : target.undeclare();
      });
}

void bind_params(py::class_<Running>& running) {
  running.def("params", [](const Running& r) { return params_told(r.instance()); })
      .def("param_values", [](const Running& r, const std::string& name,
                              double time) { return as_python(param_named(r, name).value_at(time)); })
      .def("set_param", [](const Running& r, const std::string& name, const py::list& values) {
        Param& param = param_named(r, name);
        if (static_cast<int>(values.size()) != param.kind().dimension) {
          throw py::value_error(name + " should get " + std::to_string(param.kind().dimension) + " values");
        }
        param.set(as_values(param.kind().type, values), r.instance().time());
      })
      .def("set_key", [](const Running& r, const std::string& name, double time, const py::list& values) {
        Param& param = param_named(r, name);
        if (static_cast<int>(values.size()) != param.kind().dimension) {
          throw py::value_error(name + " should get " + std::to_string(param.kind().dimension) + " values");
        }
        param.set_key(time, as_values(param.kind().type, values));
      })
      .def("delete_keys", [](const Running& r, const std::string& name) { param_named(r, name).delete_keys(); })
      .def("keys", [](const Running& r, const std::string& name) {
        std::vector<double> times;
        for (const auto& key : param_named(r, name).keys()) times.push_back(key.first);
        return times;
      });
}

void bind_instance(py::module_& module) {
  py::class_<Message>(module, "Message")
      .def_readonly("kind", &Message::kind)
      .def_readonly("id", &Message::id)
      .def_property_readonly("text", [](const Message& message) { return as_python(Value(message.text)); })
      .def_readonly("persistent", &Message::persistent);
  py::class_<Progress>(module, "Progress")
      .def_readonly("label", &Progress::label)
      .def_readonly("updates", &Progress::updates)
      .def_readonly("last", &Progress::last)
      .def_readonly("ended", &Progress::ended);
  py::class_<Running> running(module, "Running");
  running.def(py::init<std::shared_ptr<Plugin>, const std::string&>())
      .def("act", &Running::act, py::arg("action"), py::arg("in_args"), py::arg("out_args"),
           py::arg("output") = ImagePointer(), py::arg("time") = 0.0)
      .def("release", &Running::release)
      .def_property_readonly("properties", [](const Running& r) { return told(r.instance().properties()); })
      .def("put", [](const Running& r, const std::string& name,
                     const py::list& values) { put(r.instance().properties(), name, values); })
      .def("set_time", [](const Running& r, double time) { r.instance().set_time(time); })
      .def_property_readonly("time", [](const Running& r) { return r.instance().time(); })
      .def("set_time_bounds", [](const Running& r, double first,
                                 double last) { r.instance().set_time_bounds({first, last}); })
      .def("abort", [](const Running& r) { r.instance().abort(); })
      .def("go_on", [](const Running& r) { r.instance().go_on(); })
      .def_property_readonly("abort_polls", [](const Running& r) { return r.instance().abort_polls(); })
      .def_property_readonly("longest_poll_gap", [](const Running& r) { return r.instance().longest_poll_gap(); })
      .def_property_readonly("images_out", [](const Running& r) { return r.instance().images_out(); })
      .def_property_readonly("messages", [](const Running& r) { return r.instance().messages(); })
      .def_property_readonly("persistent_message",
                             [](const Running& r) { return r.instance().persistent_message(); })
      .def_property_readonly("progress", [](const Running& r) { return r.instance().progress(); })
      .def("cancel_progress", [](const Running& r) { r.instance().cancel_progress(); })
      .def("take_edits", [](const Running& r) { return r.instance().take_edits(); });
  bind_clips(running);
  bind_params(running);
}

}  // namespace
}  // namespace faceplate::ofx_host

PYBIND11_MODULE(_host, module) {
  namespace host = faceplate::ofx_host;
  module.doc() = "An OpenFX host; use it through faceplate.ofx_host.";
  py::register_exception<host::BundleError>(module, "BundleError");
  host::bind_image(module);
  host::bind_plugin(module);
  host::bind_instance(module);
  module.def("live_handles", &host::Live::counts, "Kind of handle -> how many exist; none are left out.");
  module.def("take_refusals", &host::take_refusals, "What plug-ins asked for and were refused, since the last call.");
}
