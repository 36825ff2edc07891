// The parameter suite: values come and go as variable arguments, one for each dimension.

#include <cmath>
#include <cstdarg>

#include "effect.h"
#include "param.h"

namespace faceplate::ofx_host {
namespace {

Param* param_of(OfxParamHandle handle) { return alive<Param>(handle, Kind::param); }
ParamSet* set_of(OfxParamSetHandle handle) { return alive<ParamSet>(handle, Kind::param_set); }

// The values of a parameter that an instance holds; a description has none, nor has a group.
Param* valued(OfxParamHandle handle, OfxStatus* status) {
  Param* const param = param_of(handle);
  *status = !param ? kOfxStatErrBadHandle
            : param->owner().effect().as_instance() && param->kind().dimension ? kOfxStatOK
                                                                               : kOfxStatErrUnsupported;
  return *status == kOfxStatOK ? param : nullptr;
}

double now(const Param& param) { return param.owner().effect().as_instance()->time(); }

void give(Param& param, const Values& values, va_list arguments) {
  for (const Value& value : values) {
    if (std::holds_alternative<int>(value)) {
      *va_arg(arguments, int*) = std::get<int>(value);
    } else if (std::holds_alternative<double>(value)) {
      *va_arg(arguments, double*) = std::get<double>(value);
    } else {
      *va_arg(arguments, char**) = param.keep(std::get<std::string>(value));
    }
  }
}

Values taken(const Param& param, va_list arguments) {
  Values values;
  for (int place = 0; place < param.kind().dimension; ++place) {
    if (param.kind().type == PropertyType::integer) {
      values.emplace_back(va_arg(arguments, int));
    } else if (param.kind().type == PropertyType::real) {
      values.emplace_back(va_arg(arguments, double));
    } else {
      const char* const text = va_arg(arguments, const char*);
      values.emplace_back(std::string(text ? text : ""));
    }
  }
  return values;
}

// Setting is for the main thread: the standard forbids it while rendering, and hosts that allow it loop for ever.
OfxStatus settable(OfxParamHandle handle, Param** param) {
  OfxStatus status;
  *param = valued(handle, &status);
  if (status != kOfxStatOK) return status;
  if (!rendering_here()) return kOfxStatOK;
  note_refusal("parameter " + (*param)->name() + " cannot be set while rendering");
  return kOfxStatErrUnsupported;
}

OfxStatus edited(Param& param) {
  param.owner().effect().as_instance()->note_edit(param.name());
  return kOfxStatOK;
}

OfxStatus param_define(OfxParamSetHandle handle, const char* type, const char* name, OfxPropertySetHandle* props) {
  ParamSet* const set = set_of(handle);
  if (!set || !type || !name) return kOfxStatErrBadHandle;
  if (set->effect().as_instance()) return kOfxStatErrUnsupported;
  Param* made = nullptr;
  const OfxStatus status = set->define(type, name, &made);
  if (status == kOfxStatOK && props) *props = handle_of<OfxPropertySetHandle>(&made->properties());
  return status;
}

OfxStatus param_get_handle(OfxParamSetHandle handle, const char* name, OfxParamHandle* param,
                           OfxPropertySetHandle* props) {
  ParamSet* const set = set_of(handle);
  if (!set || !name || !param) return kOfxStatErrBadHandle;
  Param* const found = set->find(name);
  if (!found) return kOfxStatErrUnknown;
  *param = handle_of<OfxParamHandle>(found);
  if (props) *props = handle_of<OfxPropertySetHandle>(&found->properties());
  return kOfxStatOK;
}

OfxStatus set_property_set(OfxParamSetHandle handle, OfxPropertySetHandle* props) {
  ParamSet* const set = set_of(handle);
  if (!set || !props) return kOfxStatErrBadHandle;
  *props = handle_of<OfxPropertySetHandle>(&set->properties());
  return kOfxStatOK;
}

OfxStatus param_property_set(OfxParamHandle handle, OfxPropertySetHandle* props) {
  Param* const param = param_of(handle);
  if (!param || !props) return kOfxStatErrBadHandle;
  *props = handle_of<OfxPropertySetHandle>(&param->properties());
  return kOfxStatOK;
}

OfxStatus get_value(OfxParamHandle handle, ...) {
  OfxStatus status;
  Param* const param = valued(handle, &status);
  if (!param) return status;
  va_list arguments;
  va_start(arguments, handle);
  give(*param, param->value_at(now(*param)), arguments);
  va_end(arguments);
  return kOfxStatOK;
}

OfxStatus get_value_at_time(OfxParamHandle handle, OfxTime time, ...) {
  OfxStatus status;
  Param* const param = valued(handle, &status);
  if (!param) return status;
  va_list arguments;
  va_start(arguments, time);
  give(*param, param->value_at(time), arguments);
  va_end(arguments);
  return kOfxStatOK;
}

OfxStatus get_derivative(OfxParamHandle handle, OfxTime time, ...) {
  OfxStatus status;
  Param* const param = valued(handle, &status);
  if (!param) return status;
  if (param->kind().type != PropertyType::real) return kOfxStatErrUnsupported;
  va_list arguments;
  va_start(arguments, time);
  give(*param, param->derivative_at(time), arguments);
  va_end(arguments);
  return kOfxStatOK;
}

OfxStatus get_integral(OfxParamHandle handle, OfxTime from, OfxTime to, ...) {
  OfxStatus status;
  Param* const param = valued(handle, &status);
  if (!param) return status;
  if (param->kind().type != PropertyType::real) return kOfxStatErrUnsupported;
  va_list arguments;
  va_start(arguments, to);
  give(*param, param->integral(from, to), arguments);
  va_end(arguments);
  return kOfxStatOK;
}

OfxStatus set_value(OfxParamHandle handle, ...) {
  Param* param = nullptr;
  const OfxStatus status = settable(handle, &param);
  if (status != kOfxStatOK) return status;
  va_list arguments;
  va_start(arguments, handle);
  param->set(taken(*param, arguments), now(*param));
  va_end(arguments);
  return edited(*param);
}

OfxStatus set_value_at_time(OfxParamHandle handle, OfxTime time, ...) {
  Param* param = nullptr;
  const OfxStatus status = settable(handle, &param);
  if (status != kOfxStatOK) return status;
  va_list arguments;
  va_start(arguments, time);
  const Values values = taken(*param, arguments);
  va_end(arguments);
  if (param->properties().integer(kOfxParamPropAnimates)) {
    param->set_key(time, values);
  } else {
    param->set(values, time);
  }
  return edited(*param);
}

OfxStatus get_num_keys(OfxParamHandle handle, unsigned int* count) {
  OfxStatus status;
  Param* const param = valued(handle, &status);
  if (param && count) *count = static_cast<unsigned int>(param->keys().size());
  return status;
}

OfxStatus get_key_time(OfxParamHandle handle, unsigned int nth, OfxTime* time) {
  OfxStatus status;
  Param* const param = valued(handle, &status);
  if (!param || !time) return status;
  const auto keys = param->keys();
  if (nth >= keys.size()) return kOfxStatErrBadIndex;
  *time = std::next(keys.begin(), nth)->first;
  return kOfxStatOK;
}

// direction: before (-1), at (0) or after (1) a time.
OfxStatus get_key_index(OfxParamHandle handle, OfxTime time, int direction, int* index) {
  OfxStatus status;
  Param* const param = valued(handle, &status);
  if (!param || !index) return status;
  const auto keys = param->keys();
  auto found = direction > 0 ? keys.upper_bound(time) : direction < 0 ? keys.lower_bound(time) : keys.find(time);
  if (direction < 0) {
    if (found == keys.begin()) return kOfxStatFailed;
    --found;
  }
  if (found == keys.end()) return kOfxStatFailed;
  *index = static_cast<int>(std::distance(keys.begin(), found));
  return kOfxStatOK;
}

OfxStatus delete_key(OfxParamHandle handle, OfxTime time) {
  Param* param = nullptr;
  const OfxStatus status = settable(handle, &param);
  if (status != kOfxStatOK) return status;
  return param->delete_key(time) ? edited(*param) : kOfxStatErrBadIndex;
}

OfxStatus delete_all_keys(OfxParamHandle handle) {
  Param* param = nullptr;
  const OfxStatus status = settable(handle, &param);
  if (status != kOfxStatOK) return status;
  param->delete_keys();
  return edited(*param);
}

OfxStatus copy(OfxParamHandle to, OfxParamHandle from, OfxTime offset, const OfxRangeD* range) {
  Param* target = nullptr;
  const OfxStatus status = settable(to, &target);
  if (status != kOfxStatOK) return status;
  OfxStatus readable;
  Param* const source = valued(from, &readable);
  if (!source) return readable;
  if (source->kind().type != target->kind().type || source->kind().dimension != target->kind().dimension) {
    return kOfxStatErrValue;
  }
  if (target->owner().effect().host().quirks().param_copy_ignored) return kOfxStatOK;
  target->copy_from(*source, offset, range);
  return edited(*target);
}

OfxStatus edit_begin(OfxParamSetHandle set, const char*) { return set_of(set) ? kOfxStatOK : kOfxStatErrBadHandle; }
OfxStatus edit_end(OfxParamSetHandle set) { return set_of(set) ? kOfxStatOK : kOfxStatErrBadHandle; }

constexpr OfxParameterSuiteV1 kSuite = {
    param_define, param_get_handle, set_property_set,  param_property_set, get_value,       get_value_at_time,
    get_derivative, get_integral,   set_value,         set_value_at_time,  get_num_keys,    get_key_time,
    get_key_index,  delete_key,     delete_all_keys,   copy,               edit_begin,      edit_end,
};

}  // namespace

const OfxParameterSuiteV1* parameter_suite() { return &kSuite; }

}  // namespace faceplate::ofx_host
