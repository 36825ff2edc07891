// An engine that failed is left alone for a while, so that a timeline that plays does not try it for every frame.
//
// One memory for the whole process. The first failure costs a second, each that follows twice the last, 16 s at most;
// the first answer from the engine forgets them all.

#ifndef FACEPLATE_BACKOFF_H
#define FACEPLATE_BACKOFF_H

#include "errors.h"

namespace faceplate::backoff {

// Raise the last failure again while the engine should be left alone. A missing engine is no reason: somebody else may
// have started it, and looking costs nothing.
void expectCalm();

// Raise the last failure to start an engine again while none should be started.
void expectStartAllowed();

// Remember a failure, if it is one of the engine's as a whole and not of one request.
void failed(const Error& error);

void worked();

}  // namespace faceplate::backoff

#endif
