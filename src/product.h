#include "manual.h"
#include "system.h"
#include "api.h"
#include "plugin_api.h"

#if defined(LLMFACTORY_IMPLEMENTATION) && !defined(LLMFACTORY_IMPLEMENTATION_DONE)
#define LLMFACTORY_IMPLEMENTATION_DONE
#include "options.h"
#include "engine/preview.h"
#include "engine/check.h"
#include "engine/save.h"
#include "engine/status.h"
#include "factory/aws_services.h"
#include "tasks/json_view.h"
#include "tasks/prompts.h"
#include "tasks/structured.h"
#include "tasks/json_stream.h"
#include "tasks/formats.h"
#endif
