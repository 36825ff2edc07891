// The plug-in's client of the engine, as C functions for a test.

#include <cstring>
#include <string>

#include "backoff.h"
#include "engine.h"

using namespace faceplate;

extern "C" {

using Wanted = int (*)();  // gives 0 once the host has lost interest

// One frame of 4 channels through an operation that takes a plate and gives one. 0: done; 1: `code` and `sentence`
// (1000 bytes each) say why not; 2: aborted.
int probe_perform(const char* operation, const char* params, int width, int height, const float* in, float* out,
                  Wanted wanted, char* code, char* sentence) {
  const Patience patience([wanted] { return wanted && !wanted(); });
  try {
    backoff::expectCalm();
    const Lease session("a test", patience);
    session->connect(patience);
    Request request;
    request.operation = operation;
    request.params = Json::read(params);
    Plane plate;
    plate.dataWindow = plate.displayWindow = {0, 0, width, height};
    plate.colourspace = "lin_rec709";
    plate.alpha = "premultiplied";
    if (in) request.inputs["plate"] = plate;
    request.outputs["plate"] = plate;
    if (in) std::memcpy(session->hold("in plate", plate.bytes()), in, plate.bytes());
    const float* answer = session->hold("out plate", plate.bytes());
    session->perform(request, patience);
    backoff::worked();
    std::memcpy(out, answer, plate.bytes());
    return 0;
  } catch (const Aborted&) {
    return 2;
  } catch (const Error& error) {
    backoff::failed(error);
    std::strncpy(code, error.code().c_str(), 999);
    std::strncpy(sentence, error.sentence().c_str(), 999);
    return 1;
  }
}

void probe_forget() {
  backoff::worked();
  closeIdleSessions();
}
}
