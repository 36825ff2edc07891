// The part of the OpenFX image-effect ABI (API 1.0 to 1.5) that our plug-in and our host use.
//
// These are our own declarations, so that neither needs the OpenFX headers. Names, values and the order of members are
// those of the standard: https://openfx.readthedocs.io. The order of members is the ABI; never change it.
// Strings are compared by content on both sides of the border, so each side may have its own copy.
//
// Coordinates: x to the right, y up, rectangles half-open. "Pixel" rectangles count pixels of the image at hand;
// "canonical" ones are square pixels at full size: pixel = canonical * render scale, and x is also divided by the
// pixel aspect ratio.

#ifndef FACEPLATE_OFX_ABI_H
#define FACEPLATE_OFX_ABI_H

#include <cstddef>

// ---------------------------------------------------------------- scalars, rectangles, pixels

using OfxStatus = int;
using OfxTime = double;

struct OfxPointI {
  int x, y;
};
struct OfxPointD {
  double x, y;
};
struct OfxRangeI {
  int min, max;
};
struct OfxRangeD {
  double min, max;
};
struct OfxRectI {
  int x1, y1, x2, y2;
};
struct OfxRectD {
  double x1, y1, x2, y2;
};

struct OfxRGBAColourB {
  unsigned char r, g, b, a;
};
struct OfxRGBAColourS {
  unsigned short r, g, b, a;
};
struct OfxRGBAColourF {
  float r, g, b, a;
};
struct OfxRGBColourB {
  unsigned char r, g, b;
};
struct OfxRGBColourS {
  unsigned short r, g, b;
};
struct OfxRGBColourF {
  float r, g, b;
};

// ---------------------------------------------------------------- handles: only the host knows what is behind them

using OfxPropertySetHandle = struct OfxPropertySetStruct*;
using OfxImageEffectHandle = struct OfxImageEffectStruct*;
using OfxImageClipHandle = struct OfxImageClipStruct*;
using OfxParamHandle = struct OfxParamStruct*;
using OfxParamSetHandle = struct OfxParamSetStruct*;
using OfxImageMemoryHandle = struct OfxImageMemoryStruct*;
using OfxMutexHandle = struct OfxMutex*;

// ---------------------------------------------------------------- status codes

inline constexpr OfxStatus kOfxStatOK = 0;
inline constexpr OfxStatus kOfxStatFailed = 1;
inline constexpr OfxStatus kOfxStatErrFatal = 2;
inline constexpr OfxStatus kOfxStatErrUnknown = 3;
inline constexpr OfxStatus kOfxStatErrMissingHostFeature = 4;
inline constexpr OfxStatus kOfxStatErrUnsupported = 5;
inline constexpr OfxStatus kOfxStatErrExists = 6;
inline constexpr OfxStatus kOfxStatErrFormat = 7;
inline constexpr OfxStatus kOfxStatErrMemory = 8;
inline constexpr OfxStatus kOfxStatErrBadHandle = 9;
inline constexpr OfxStatus kOfxStatErrBadIndex = 10;
inline constexpr OfxStatus kOfxStatErrValue = 11;
inline constexpr OfxStatus kOfxStatReplyYes = 12;
inline constexpr OfxStatus kOfxStatReplyNo = 13;
inline constexpr OfxStatus kOfxStatReplyDefault = 14;
inline constexpr OfxStatus kOfxStatErrImageFormat = 1000;
inline constexpr OfxStatus kOfxStatGPUOutOfMemory = 1001;
inline constexpr OfxStatus kOfxStatGPURenderFailed = 1002;

// ---------------------------------------------------------------- host and plug-in

struct OfxHost {
  OfxPropertySetHandle host;
  const void* (*fetchSuite)(OfxPropertySetHandle host, const char* suiteName, int suiteVersion);
};

using OfxPluginEntryPoint = OfxStatus(const char* action, const void* handle, OfxPropertySetHandle inArgs,
                                      OfxPropertySetHandle outArgs);

struct OfxPlugin {
  const char* pluginApi;
  int apiVersion;
  const char* pluginIdentifier;
  unsigned int pluginVersionMajor;
  unsigned int pluginVersionMinor;
  void (*setHost)(OfxHost* host);
  OfxPluginEntryPoint* mainEntry;
};

// What a bundle exports. OfxSetHost is optional (API 1.4); OfxGetPlugin gives null beyond the last plug-in.
using OfxSetHostFunction = OfxStatus(const OfxHost* host);
using OfxGetNumberOfPluginsFunction = int();
using OfxGetPluginFunction = OfxPlugin*(int nth);

inline constexpr char kOfxImageEffectPluginApi[] = "OfxImageEffectPluginAPI";
inline constexpr int kOfxImageEffectPluginApiVersion = 1;

// ---------------------------------------------------------------- suites

inline constexpr char kOfxPropertySuite[] = "OfxPropertySuite";

struct OfxPropertySuiteV1 {
  OfxStatus (*propSetPointer)(OfxPropertySetHandle set, const char* name, int index, void* value);
  OfxStatus (*propSetString)(OfxPropertySetHandle set, const char* name, int index, const char* value);
  OfxStatus (*propSetDouble)(OfxPropertySetHandle set, const char* name, int index, double value);
  OfxStatus (*propSetInt)(OfxPropertySetHandle set, const char* name, int index, int value);
  OfxStatus (*propSetPointerN)(OfxPropertySetHandle set, const char* name, int count, void* const* value);
  OfxStatus (*propSetStringN)(OfxPropertySetHandle set, const char* name, int count, const char* const* value);
  OfxStatus (*propSetDoubleN)(OfxPropertySetHandle set, const char* name, int count, const double* value);
  OfxStatus (*propSetIntN)(OfxPropertySetHandle set, const char* name, int count, const int* value);
  OfxStatus (*propGetPointer)(OfxPropertySetHandle set, const char* name, int index, void** value);
  OfxStatus (*propGetString)(OfxPropertySetHandle set, const char* name, int index, char** value);
  OfxStatus (*propGetDouble)(OfxPropertySetHandle set, const char* name, int index, double* value);
  OfxStatus (*propGetInt)(OfxPropertySetHandle set, const char* name, int index, int* value);
  OfxStatus (*propGetPointerN)(OfxPropertySetHandle set, const char* name, int count, void** value);
  OfxStatus (*propGetStringN)(OfxPropertySetHandle set, const char* name, int count, char** value);
  OfxStatus (*propGetDoubleN)(OfxPropertySetHandle set, const char* name, int count, double* value);
  OfxStatus (*propGetIntN)(OfxPropertySetHandle set, const char* name, int count, int* value);
  OfxStatus (*propReset)(OfxPropertySetHandle set, const char* name);
  OfxStatus (*propGetDimension)(OfxPropertySetHandle set, const char* name, int* count);
};

inline constexpr char kOfxImageEffectSuite[] = "OfxImageEffectSuite";

struct OfxImageEffectSuiteV1 {
  OfxStatus (*getPropertySet)(OfxImageEffectHandle effect, OfxPropertySetHandle* set);
  OfxStatus (*getParamSet)(OfxImageEffectHandle effect, OfxParamSetHandle* set);
  OfxStatus (*clipDefine)(OfxImageEffectHandle effect, const char* name, OfxPropertySetHandle* set);
  OfxStatus (*clipGetHandle)(OfxImageEffectHandle effect, const char* name, OfxImageClipHandle* clip,
                             OfxPropertySetHandle* set);
  OfxStatus (*clipGetPropertySet)(OfxImageClipHandle clip, OfxPropertySetHandle* set);
  OfxStatus (*clipGetImage)(OfxImageClipHandle clip, OfxTime time, const OfxRectD* region,
                            OfxPropertySetHandle* image);
  OfxStatus (*clipReleaseImage)(OfxPropertySetHandle image);
  OfxStatus (*clipGetRegionOfDefinition)(OfxImageClipHandle clip, OfxTime time, OfxRectD* bounds);
  int (*abort)(OfxImageEffectHandle effect);
  OfxStatus (*imageMemoryAlloc)(OfxImageEffectHandle effect, std::size_t bytes, OfxImageMemoryHandle* memory);
  OfxStatus (*imageMemoryFree)(OfxImageMemoryHandle memory);
  OfxStatus (*imageMemoryLock)(OfxImageMemoryHandle memory, void** data);
  OfxStatus (*imageMemoryUnlock)(OfxImageMemoryHandle memory);
};

inline constexpr char kOfxParameterSuite[] = "OfxParameterSuite";

// The dots hold one value (set) or one pointer (get) for each dimension: int for Integer*, Boolean and Choice, double
// for Double*, RGB and RGBA, char* for String, StrChoice and Custom.
struct OfxParameterSuiteV1 {
  OfxStatus (*paramDefine)(OfxParamSetHandle set, const char* type, const char* name, OfxPropertySetHandle* props);
  OfxStatus (*paramGetHandle)(OfxParamSetHandle set, const char* name, OfxParamHandle* param,
                              OfxPropertySetHandle* props);
  OfxStatus (*paramSetGetPropertySet)(OfxParamSetHandle set, OfxPropertySetHandle* props);
  OfxStatus (*paramGetPropertySet)(OfxParamHandle param, OfxPropertySetHandle* props);
  OfxStatus (*paramGetValue)(OfxParamHandle param, ...);
  OfxStatus (*paramGetValueAtTime)(OfxParamHandle param, OfxTime time, ...);
  OfxStatus (*paramGetDerivative)(OfxParamHandle param, OfxTime time, ...);
  OfxStatus (*paramGetIntegral)(OfxParamHandle param, OfxTime from, OfxTime to, ...);
  OfxStatus (*paramSetValue)(OfxParamHandle param, ...);
  OfxStatus (*paramSetValueAtTime)(OfxParamHandle param, OfxTime time, ...);
  OfxStatus (*paramGetNumKeys)(OfxParamHandle param, unsigned int* keys);
  OfxStatus (*paramGetKeyTime)(OfxParamHandle param, unsigned int nth, OfxTime* time);
  OfxStatus (*paramGetKeyIndex)(OfxParamHandle param, OfxTime time, int direction, int* index);
  OfxStatus (*paramDeleteKey)(OfxParamHandle param, OfxTime time);
  OfxStatus (*paramDeleteAllKeys)(OfxParamHandle param);
  OfxStatus (*paramCopy)(OfxParamHandle to, OfxParamHandle from, OfxTime offset, const OfxRangeD* range);
  OfxStatus (*paramEditBegin)(OfxParamSetHandle set, const char* label);
  OfxStatus (*paramEditEnd)(OfxParamSetHandle set);
};

inline constexpr char kOfxMemorySuite[] = "OfxMemorySuite";

struct OfxMemorySuiteV1 {
  OfxStatus (*memoryAlloc)(void* effect, std::size_t bytes, void** data);
  OfxStatus (*memoryFree)(void* data);
};

inline constexpr char kOfxMultiThreadSuite[] = "OfxMultiThreadSuite";

using OfxThreadFunctionV1 = void(unsigned int threadIndex, unsigned int threadMax, void* argument);

struct OfxMultiThreadSuiteV1 {
  OfxStatus (*multiThread)(OfxThreadFunctionV1* function, unsigned int threads, void* argument);
  OfxStatus (*multiThreadNumCPUs)(unsigned int* cpus);
  OfxStatus (*multiThreadIndex)(unsigned int* index);
  int (*multiThreadIsSpawnedThread)();
  OfxStatus (*mutexCreate)(OfxMutexHandle* mutex, int lockCount);
  OfxStatus (*mutexDestroy)(const OfxMutexHandle mutex);
  OfxStatus (*mutexLock)(const OfxMutexHandle mutex);
  OfxStatus (*mutexUnLock)(const OfxMutexHandle mutex);
  OfxStatus (*mutexTryLock)(const OfxMutexHandle mutex);
};

inline constexpr char kOfxMessageSuite[] = "OfxMessageSuite";

struct OfxMessageSuiteV1 {
  OfxStatus (*message)(void* effect, const char* type, const char* id, const char* format, ...);
};

struct OfxMessageSuiteV2 {
  OfxStatus (*message)(void* effect, const char* type, const char* id, const char* format, ...);
  OfxStatus (*setPersistentMessage)(void* effect, const char* type, const char* id, const char* format, ...);
  OfxStatus (*clearPersistentMessage)(void* effect);
};

inline constexpr char kOfxProgressSuite[] = "OfxProgressSuite";

struct OfxProgressSuiteV1 {
  OfxStatus (*progressStart)(void* effect, const char* label);
  OfxStatus (*progressUpdate)(void* effect, double progress);
  OfxStatus (*progressEnd)(void* effect);
};

struct OfxProgressSuiteV2 {
  OfxStatus (*progressStart)(void* effect, const char* message, const char* messageId);
  OfxStatus (*progressUpdate)(void* effect, double progress);
  OfxStatus (*progressEnd)(void* effect);
};

inline constexpr char kOfxTimeLineSuite[] = "OfxTimeLineSuite";

struct OfxTimeLineSuiteV1 {
  OfxStatus (*getTime)(void* effect, double* time);
  OfxStatus (*gotoTime)(void* effect, double time);
  OfxStatus (*getTimeBounds)(void* effect, double* first, double* last);
};

// ---------------------------------------------------------------- actions

inline constexpr char kOfxActionLoad[] = "OfxActionLoad";
inline constexpr char kOfxActionUnload[] = "OfxActionUnload";
inline constexpr char kOfxActionDescribe[] = "OfxActionDescribe";
inline constexpr char kOfxActionCreateInstance[] = "OfxActionCreateInstance";
inline constexpr char kOfxActionDestroyInstance[] = "OfxActionDestroyInstance";
inline constexpr char kOfxActionBeginInstanceChanged[] = "OfxActionBeginInstanceChanged";
inline constexpr char kOfxActionInstanceChanged[] = "OfxActionInstanceChanged";
inline constexpr char kOfxActionEndInstanceChanged[] = "OfxActionEndInstanceChanged";
inline constexpr char kOfxActionBeginInstanceEdit[] = "OfxActionBeginInstanceEdit";
inline constexpr char kOfxActionEndInstanceEdit[] = "OfxActionEndInstanceEdit";
inline constexpr char kOfxActionPurgeCaches[] = "OfxActionPurgeCaches";
inline constexpr char kOfxActionSyncPrivateData[] = "OfxActionSyncPrivateData";

inline constexpr char kOfxImageEffectActionDescribeInContext[] = "OfxImageEffectActionDescribeInContext";
inline constexpr char kOfxImageEffectActionGetClipPreferences[] = "OfxImageEffectActionGetClipPreferences";
inline constexpr char kOfxImageEffectActionGetRegionOfDefinition[] = "OfxImageEffectActionGetRegionOfDefinition";
inline constexpr char kOfxImageEffectActionGetRegionsOfInterest[] = "OfxImageEffectActionGetRegionsOfInterest";
inline constexpr char kOfxImageEffectActionGetFramesNeeded[] = "OfxImageEffectActionGetFramesNeeded";
inline constexpr char kOfxImageEffectActionGetTimeDomain[] = "OfxImageEffectActionGetTimeDomain";
inline constexpr char kOfxImageEffectActionIsIdentity[] = "OfxImageEffectActionIsIdentity";
inline constexpr char kOfxImageEffectActionBeginSequenceRender[] = "OfxImageEffectActionBeginSequenceRender";
inline constexpr char kOfxImageEffectActionRender[] = "OfxImageEffectActionRender";
inline constexpr char kOfxImageEffectActionEndSequenceRender[] = "OfxImageEffectActionEndSequenceRender";

// ---------------------------------------------------------------- types, contexts, clip names

inline constexpr char kOfxTypeImageEffectHost[] = "OfxTypeImageEffectHost";
inline constexpr char kOfxTypeImageEffect[] = "OfxTypeImageEffect";
inline constexpr char kOfxTypeImageEffectInstance[] = "OfxTypeImageEffectInstance";
inline constexpr char kOfxTypeParameter[] = "OfxTypeParameter";
inline constexpr char kOfxTypeParameterInstance[] = "OfxTypeParameterInstance";
inline constexpr char kOfxTypeClip[] = "OfxTypeClip";
inline constexpr char kOfxTypeImage[] = "OfxTypeImage";

inline constexpr char kOfxImageEffectContextFilter[] = "OfxImageEffectContextFilter";
inline constexpr char kOfxImageEffectContextGeneral[] = "OfxImageEffectContextGeneral";
inline constexpr char kOfxImageEffectContextGenerator[] = "OfxImageEffectContextGenerator";
inline constexpr char kOfxImageEffectContextTransition[] = "OfxImageEffectContextTransition";
inline constexpr char kOfxImageEffectContextRetimer[] = "OfxImageEffectContextRetimer";
inline constexpr char kOfxImageEffectContextPaint[] = "OfxImageEffectContextPaint";

inline constexpr char kOfxImageEffectSimpleSourceClipName[] = "Source";
inline constexpr char kOfxImageEffectOutputClipName[] = "Output";
inline constexpr char kOfxImageEffectTransitionSourceFromClipName[] = "SourceFrom";
inline constexpr char kOfxImageEffectTransitionSourceToClipName[] = "SourceTo";
inline constexpr char kOfxImageEffectTransitionParamName[] = "Transition";
inline constexpr char kOfxImageEffectRetimerParamName[] = "SourceTime";

// ---------------------------------------------------------------- pixel kinds

inline constexpr char kOfxBitDepthNone[] = "OfxBitDepthNone";
inline constexpr char kOfxBitDepthByte[] = "OfxBitDepthByte";    // 0-255
inline constexpr char kOfxBitDepthShort[] = "OfxBitDepthShort";  // 0-65535
inline constexpr char kOfxBitDepthHalf[] = "OfxBitDepthHalf";    // IEEE binary16
inline constexpr char kOfxBitDepthFloat[] = "OfxBitDepthFloat";

inline constexpr char kOfxImageComponentNone[] = "OfxImageComponentNone";
inline constexpr char kOfxImageComponentRGBA[] = "OfxImageComponentRGBA";
inline constexpr char kOfxImageComponentRGB[] = "OfxImageComponentRGB";
inline constexpr char kOfxImageComponentAlpha[] = "OfxImageComponentAlpha";

inline constexpr char kOfxImageOpaque[] = "OfxImageOpaque";
inline constexpr char kOfxImagePreMultiplied[] = "OfxImageAlphaPremultiplied";
inline constexpr char kOfxImageUnPreMultiplied[] = "OfxImageAlphaUnPremultiplied";

inline constexpr char kOfxImageFieldNone[] = "OfxFieldNone";
inline constexpr char kOfxImageFieldBoth[] = "OfxFieldBoth";
inline constexpr char kOfxImageFieldLower[] = "OfxFieldLower";
inline constexpr char kOfxImageFieldUpper[] = "OfxFieldUpper";

// ---------------------------------------------------------------- properties of everything

inline constexpr char kOfxPropType[] = "OfxPropType";
inline constexpr char kOfxPropName[] = "OfxPropName";
inline constexpr char kOfxPropLabel[] = "OfxPropLabel";
inline constexpr char kOfxPropShortLabel[] = "OfxPropShortLabel";
inline constexpr char kOfxPropLongLabel[] = "OfxPropLongLabel";
inline constexpr char kOfxPropIcon[] = "OfxPropIcon";
inline constexpr char kOfxPropTime[] = "OfxPropTime";
inline constexpr char kOfxPropVersion[] = "OfxPropVersion";
inline constexpr char kOfxPropVersionLabel[] = "OfxPropVersionLabel";
inline constexpr char kOfxPropAPIVersion[] = "OfxPropAPIVersion";
inline constexpr char kOfxPropPluginDescription[] = "OfxPropPluginDescription";
inline constexpr char kOfxPropInstanceData[] = "OfxPropInstanceData";
inline constexpr char kOfxPropIsInteractive[] = "OfxPropIsInteractive";
inline constexpr char kOfxPropHostOSHandle[] = "OfxPropHostOSHandle";
inline constexpr char kOfxPropParamSetNeedsSyncing[] = "OfxPropParamSetNeedsSyncing";

inline constexpr char kOfxPropChangeReason[] = "OfxPropChangeReason";
inline constexpr char kOfxChangeUserEdited[] = "OfxChangeUserEdited";
inline constexpr char kOfxChangePluginEdited[] = "OfxChangePluginEdited";
inline constexpr char kOfxChangeTime[] = "OfxChangeTime";

// ---------------------------------------------------------------- properties of host, effect and instance

inline constexpr char kOfxImageEffectHostPropIsBackground[] = "OfxImageEffectHostPropIsBackground";
inline constexpr char kOfxImageEffectHostPropNativeOrigin[] = "OfxImageEffectHostPropNativeOrigin";
inline constexpr char kOfxHostNativeOriginBottomLeft[] = "kOfxImageEffectHostPropNativeOriginBottomLeft";
inline constexpr char kOfxImageEffectPropSupportsOverlays[] = "OfxImageEffectPropSupportsOverlays";
inline constexpr char kOfxImageEffectPropSupportsMultiResolution[] = "OfxImageEffectPropSupportsMultiResolution";
inline constexpr char kOfxImageEffectPropSupportsTiles[] = "OfxImageEffectPropSupportsTiles";
inline constexpr char kOfxImageEffectPropTemporalClipAccess[] = "OfxImageEffectPropTemporalClipAccess";
inline constexpr char kOfxImageEffectPropSupportedComponents[] = "OfxImageEffectPropSupportedComponents";
inline constexpr char kOfxImageEffectPropSupportedContexts[] = "OfxImageEffectPropSupportedContexts";
inline constexpr char kOfxImageEffectPropSupportedPixelDepths[] = "OfxImageEffectPropSupportedPixelDepths";
// Some of these strings lack the "Supports" of their names; they are right like this.
inline constexpr char kOfxImageEffectPropSupportsMultipleClipDepths[] = "OfxImageEffectPropMultipleClipDepths";
inline constexpr char kOfxImageEffectPropSupportsMultipleClipPARs[] = "OfxImageEffectPropSupportsMultipleClipPARs";
inline constexpr char kOfxImageEffectPropSetableFrameRate[] = "OfxImageEffectPropSetableFrameRate";
inline constexpr char kOfxImageEffectPropSetableFielding[] = "OfxImageEffectPropSetableFielding";
inline constexpr char kOfxImageEffectInstancePropSequentialRender[] = "OfxImageEffectInstancePropSequentialRender";
inline constexpr char kOfxImageEffectPropContext[] = "OfxImageEffectPropContext";
inline constexpr char kOfxImageEffectPropPluginHandle[] = "OfxImageEffectPropPluginHandle";
inline constexpr char kOfxImageEffectPropProjectSize[] = "OfxImageEffectPropProjectSize";
inline constexpr char kOfxImageEffectPropProjectOffset[] = "OfxImageEffectPropProjectOffset";
inline constexpr char kOfxImageEffectPropProjectExtent[] = "OfxImageEffectPropProjectExtent";
inline constexpr char kOfxImageEffectPropProjectPixelAspectRatio[] = "OfxImageEffectPropPixelAspectRatio";
inline constexpr char kOfxImageEffectInstancePropEffectDuration[] = "OfxImageEffectInstancePropEffectDuration";

inline constexpr char kOfxImageEffectPluginPropGrouping[] = "OfxImageEffectPluginPropGrouping";
inline constexpr char kOfxImageEffectPluginPropSingleInstance[] = "OfxImageEffectPluginPropSingleInstance";
inline constexpr char kOfxImageEffectPluginPropHostFrameThreading[] = "OfxImageEffectPluginPropHostFrameThreading";
inline constexpr char kOfxImageEffectPluginPropFieldRenderTwiceAlways[] =
    "OfxImageEffectPluginPropFieldRenderTwiceAlways";
inline constexpr char kOfxImageEffectPluginRenderThreadSafety[] = "OfxImageEffectPluginRenderThreadSafety";
inline constexpr char kOfxImageEffectRenderUnsafe[] = "OfxImageEffectRenderUnsafe";
inline constexpr char kOfxImageEffectRenderInstanceSafe[] = "OfxImageEffectRenderInstanceSafe";
inline constexpr char kOfxImageEffectRenderFullySafe[] = "OfxImageEffectRenderFullySafe";
inline constexpr char kOfxImageEffectPropClipPreferencesSlaveParam[] = "OfxImageEffectPropClipPreferencesSlaveParam";
inline constexpr char kOfxPluginPropFilePath[] = "OfxPluginPropFilePath";
inline constexpr char kOfxPluginPropParamPageOrder[] = "OfxPluginPropParamPageOrder";

inline constexpr char kOfxParamHostPropSupportsCustomAnimation[] = "OfxParamHostPropSupportsCustomAnimation";
inline constexpr char kOfxParamHostPropSupportsStringAnimation[] = "OfxParamHostPropSupportsStringAnimation";
inline constexpr char kOfxParamHostPropSupportsChoiceAnimation[] = "OfxParamHostPropSupportsChoiceAnimation";
inline constexpr char kOfxParamHostPropSupportsStrChoiceAnimation[] = "OfxParamHostPropSupportsStrChoiceAnimation";
inline constexpr char kOfxParamHostPropSupportsStrChoice[] = "OfxParamHostPropSupportsStrChoice";
inline constexpr char kOfxParamHostPropSupportsBooleanAnimation[] = "OfxParamHostPropSupportsBooleanAnimation";
inline constexpr char kOfxParamHostPropSupportsParametricAnimation[] = "OfxParamHostPropSupportsParametricAnimation";
inline constexpr char kOfxParamHostPropSupportsCustomInteract[] = "OfxParamHostPropSupportsCustomInteract";
inline constexpr char kOfxParamHostPropMaxParameters[] = "OfxParamHostPropMaxParameters";
inline constexpr char kOfxParamHostPropMaxPages[] = "OfxParamHostPropMaxPages";
inline constexpr char kOfxParamHostPropPageRowColumnCount[] = "OfxParamHostPropPageRowColumnCount";

inline constexpr char kOfxImageEffectPropOpenGLRenderSupported[] = "OfxImageEffectPropOpenGLRenderSupported";
inline constexpr char kOfxImageEffectPropOpenGLEnabled[] = "OfxImageEffectPropOpenGLEnabled";
inline constexpr char kOfxImageEffectPropCudaRenderSupported[] = "OfxImageEffectPropCudaRenderSupported";
inline constexpr char kOfxImageEffectPropCudaEnabled[] = "OfxImageEffectPropCudaEnabled";
inline constexpr char kOfxImageEffectPropCPURenderSupported[] = "OfxImageEffectPropCPURenderSupported";

inline constexpr char kOfxImageEffectPropColourManagementStyle[] = "OfxImageEffectPropColourManagementStyle";
inline constexpr char kOfxImageEffectColourManagementNone[] = "OfxImageEffectColourManagementNone";
inline constexpr char kOfxImageClipPropColourspace[] = "OfxImageClipPropColourspace";

// ---------------------------------------------------------------- properties of clips and images

inline constexpr char kOfxImageClipPropConnected[] = "OfxImageClipPropConnected";
inline constexpr char kOfxImageClipPropOptional[] = "OfxImageClipPropOptional";
inline constexpr char kOfxImageClipPropIsMask[] = "OfxImageClipPropIsMask";
inline constexpr char kOfxImageClipPropFieldOrder[] = "OfxImageClipPropFieldOrder";
inline constexpr char kOfxImageClipPropFieldExtraction[] = "OfxImageClipPropFieldExtraction";
inline constexpr char kOfxImageClipPropContinuousSamples[] = "OfxImageClipPropContinuousSamples";
inline constexpr char kOfxImageClipPropUnmappedPixelDepth[] = "OfxImageClipPropUnmappedPixelDepth";
inline constexpr char kOfxImageClipPropUnmappedComponents[] = "OfxImageClipPropUnmappedComponents";
inline constexpr char kOfxImageEffectPropUnmappedFrameRange[] = "OfxImageEffectPropUnmappedFrameRange";
inline constexpr char kOfxImageEffectPropUnmappedFrameRate[] = "OfxImageEffectPropUnmappedFrameRate";
inline constexpr char kOfxImageEffectPropFrameRate[] = "OfxImageEffectPropFrameRate";
inline constexpr char kOfxImageEffectPropFrameRange[] = "OfxImageEffectPropFrameRange";
inline constexpr char kOfxImageEffectPropFrameStep[] = "OfxImageEffectPropFrameStep";
inline constexpr char kOfxImageEffectFrameVarying[] = "OfxImageEffectFrameVarying";

inline constexpr char kOfxImagePropData[] = "OfxImagePropData";
inline constexpr char kOfxImagePropBounds[] = "OfxImagePropBounds";
inline constexpr char kOfxImagePropRowBytes[] = "OfxImagePropRowBytes";
inline constexpr char kOfxImagePropRegionOfDefinition[] = "OfxImagePropRegionOfDefinition";
inline constexpr char kOfxImagePropPixelAspectRatio[] = "OfxImagePropPixelAspectRatio";
inline constexpr char kOfxImagePropField[] = "OfxImagePropField";
inline constexpr char kOfxImagePropUniqueIdentifier[] = "OfxImagePropUniqueIdentifier";
inline constexpr char kOfxImageEffectPropPixelDepth[] = "OfxImageEffectPropPixelDepth";
inline constexpr char kOfxImageEffectPropComponents[] = "OfxImageEffectPropComponents";
inline constexpr char kOfxImageEffectPropPreMultiplication[] = "OfxImageEffectPropPreMultiplication";

// ---------------------------------------------------------------- arguments of actions

inline constexpr char kOfxImageEffectPropRenderWindow[] = "OfxImageEffectPropRenderWindow";
inline constexpr char kOfxImageEffectPropRenderScale[] = "OfxImageEffectPropRenderScale";
inline constexpr char kOfxImageEffectPropFieldToRender[] = "OfxImageEffectPropFieldToRender";
inline constexpr char kOfxImageEffectPropRegionOfDefinition[] = "OfxImageEffectPropRegionOfDefinition";
inline constexpr char kOfxImageEffectPropRegionOfInterest[] = "OfxImageEffectPropRegionOfInterest";
inline constexpr char kOfxImageEffectPropSequentialRenderStatus[] = "OfxImageEffectPropSequentialRenderStatus";
inline constexpr char kOfxImageEffectPropInteractiveRenderStatus[] = "OfxImageEffectPropInteractiveRenderStatus";
inline constexpr char kOfxImageEffectPropRenderQualityDraft[] = "OfxImageEffectPropRenderQualityDraft";
inline constexpr char kOfxImageEffectPropThumbnailRender[] = "OfxImageEffectPropThumbnailRender";

// Each of these is followed by a clip's name.
inline constexpr char kOfxImageClipPropComponents_[] = "OfxImageClipPropComponents_";
inline constexpr char kOfxImageClipPropDepth_[] = "OfxImageClipPropDepth_";
inline constexpr char kOfxImageClipPropPAR_[] = "OfxImageClipPropPAR_";
inline constexpr char kOfxImageClipPropPreferredColourspaces_[] = "OfxImageClipPropPreferredColourspaces_";
inline constexpr char kOfxImageClipPropFrameRange_[] = "OfxImageClipPropFrameRange_";
inline constexpr char kOfxImageClipPropRoI_[] = "OfxImageClipPropRoI_";

// ---------------------------------------------------------------- parameters

inline constexpr char kOfxParamTypeInteger[] = "OfxParamTypeInteger";
inline constexpr char kOfxParamTypeDouble[] = "OfxParamTypeDouble";
inline constexpr char kOfxParamTypeBoolean[] = "OfxParamTypeBoolean";
inline constexpr char kOfxParamTypeChoice[] = "OfxParamTypeChoice";
inline constexpr char kOfxParamTypeStrChoice[] = "OfxParamTypeStrChoice";
inline constexpr char kOfxParamTypeRGBA[] = "OfxParamTypeRGBA";
inline constexpr char kOfxParamTypeRGB[] = "OfxParamTypeRGB";
inline constexpr char kOfxParamTypeDouble2D[] = "OfxParamTypeDouble2D";
inline constexpr char kOfxParamTypeDouble3D[] = "OfxParamTypeDouble3D";
inline constexpr char kOfxParamTypeInteger2D[] = "OfxParamTypeInteger2D";
inline constexpr char kOfxParamTypeInteger3D[] = "OfxParamTypeInteger3D";
inline constexpr char kOfxParamTypeString[] = "OfxParamTypeString";
inline constexpr char kOfxParamTypeCustom[] = "OfxParamTypeCustom";
inline constexpr char kOfxParamTypeBytes[] = "OfxParamTypeBytes";
inline constexpr char kOfxParamTypeGroup[] = "OfxParamTypeGroup";
inline constexpr char kOfxParamTypePage[] = "OfxParamTypePage";
inline constexpr char kOfxParamTypePushButton[] = "OfxParamTypePushButton";
inline constexpr char kOfxParamTypeParametric[] = "OfxParamTypeParametric";

inline constexpr char kOfxParamPropType[] = "OfxParamPropType";
inline constexpr char kOfxParamPropHint[] = "OfxParamPropHint";
inline constexpr char kOfxParamPropScriptName[] = "OfxParamPropScriptName";
inline constexpr char kOfxParamPropParent[] = "OfxParamPropParent";
inline constexpr char kOfxParamPropDefault[] = "OfxParamPropDefault";
inline constexpr char kOfxParamPropMin[] = "OfxParamPropMin";
inline constexpr char kOfxParamPropMax[] = "OfxParamPropMax";
inline constexpr char kOfxParamPropDisplayMin[] = "OfxParamPropDisplayMin";
inline constexpr char kOfxParamPropDisplayMax[] = "OfxParamPropDisplayMax";
inline constexpr char kOfxParamPropIncrement[] = "OfxParamPropIncrement";
inline constexpr char kOfxParamPropDigits[] = "OfxParamPropDigits";
inline constexpr char kOfxParamPropAnimates[] = "OfxParamPropAnimates";
inline constexpr char kOfxParamPropIsAnimating[] = "OfxParamPropIsAnimating";
inline constexpr char kOfxParamPropIsAutoKeying[] = "OfxParamPropIsAutoKeying";
inline constexpr char kOfxParamPropSecret[] = "OfxParamPropSecret";
inline constexpr char kOfxParamPropEnabled[] = "OfxParamPropEnabled";
inline constexpr char kOfxParamPropPersistant[] = "OfxParamPropPersistant";  // spelt like this in the standard
inline constexpr char kOfxParamPropEvaluateOnChange[] = "OfxParamPropEvaluateOnChange";
inline constexpr char kOfxParamPropPluginMayWrite[] = "OfxParamPropPluginMayWrite";
inline constexpr char kOfxParamPropCanUndo[] = "OfxParamPropCanUndo";
inline constexpr char kOfxParamPropDataPtr[] = "OfxParamPropDataPtr";

inline constexpr char kOfxParamPropCacheInvalidation[] = "OfxParamPropCacheInvalidation";
inline constexpr char kOfxParamInvalidateValueChange[] = "OfxParamInvalidateValueChange";
inline constexpr char kOfxParamInvalidateValueChangeToEnd[] = "OfxParamInvalidateValueChangeToEnd";
inline constexpr char kOfxParamInvalidateAll[] = "OfxParamInvalidateAll";

inline constexpr char kOfxParamPropDoubleType[] = "OfxParamPropDoubleType";
inline constexpr char kOfxParamDoubleTypePlain[] = "OfxParamDoubleTypePlain";
inline constexpr char kOfxParamDoubleTypeScale[] = "OfxParamDoubleTypeScale";
inline constexpr char kOfxParamPropDefaultCoordinateSystem[] = "OfxParamPropDefaultCoordinateSystem";

inline constexpr char kOfxParamPropChoiceOption[] = "OfxParamPropChoiceOption";
inline constexpr char kOfxParamPropChoiceOrder[] = "OfxParamPropChoiceOrder";
inline constexpr char kOfxParamPropChoiceEnum[] = "OfxParamPropChoiceEnum";

inline constexpr char kOfxParamPropStringMode[] = "OfxParamPropStringMode";
inline constexpr char kOfxParamStringIsSingleLine[] = "OfxParamStringIsSingleLine";
inline constexpr char kOfxParamStringIsMultiLine[] = "OfxParamStringIsMultiLine";
inline constexpr char kOfxParamStringIsFilePath[] = "OfxParamStringIsFilePath";
inline constexpr char kOfxParamStringIsDirectoryPath[] = "OfxParamStringIsDirectoryPath";
inline constexpr char kOfxParamStringIsLabel[] = "OfxParamStringIsLabel";
inline constexpr char kOfxParamPropStringFilePathExists[] = "OfxParamPropStringFilePathExists";

inline constexpr char kOfxParamPropPageChild[] = "OfxParamPropPageChild";
inline constexpr char kOfxParamPropGroupOpen[] = "OfxParamPropGroupOpen";

// ---------------------------------------------------------------- messages

inline constexpr char kOfxMessageFatal[] = "OfxMessageFatal";
inline constexpr char kOfxMessageError[] = "OfxMessageError";
inline constexpr char kOfxMessageWarning[] = "OfxMessageWarning";
inline constexpr char kOfxMessageMessage[] = "OfxMessageMessage";
inline constexpr char kOfxMessageLog[] = "OfxMessageLog";
inline constexpr char kOfxMessageQuestion[] = "OfxMessageQuestion";

#endif
