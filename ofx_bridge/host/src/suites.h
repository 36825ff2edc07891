// The suites besides those of properties, parameters and image effects.

#pragma once

#include "ofx_abi.h"

namespace faceplate::ofx_host {

const OfxMemorySuiteV1* memory_suite();
const OfxMultiThreadSuiteV1* multi_thread_suite();
const OfxMessageSuiteV1* message_suite_1();
const OfxMessageSuiteV2* message_suite_2();
const OfxMessageSuiteV2* null_message_suite_2();
const OfxProgressSuiteV1* progress_suite_1();
const OfxProgressSuiteV2* progress_suite_2();
const OfxTimeLineSuiteV1* time_line_suite();

}  // namespace faceplate::ofx_host
