/* What a server would have answered, written by hand after the two protocols: server-sent events, one piece of the HTTP body each. */
#ifndef REPLIES_H
#define REPLIES_H

/* Anthropic's Messages API. */
static const char *const anthropic_reply[] = {
    "event: message_start\n"
    "data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_device_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-5\",\"content\":[],"
    "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":412,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":1}}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "event: ping\ndata: {\"type\":\"ping\"}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"The bed in the north\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" is dry (18 %) and\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" warm (31 \xC2\xB0\x43).\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" I open its valve.\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: content_block_start\n"
    "data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_device_1\",\"name\":\"set_valve\",\"input\":{}}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"valve\\\":\\\"nor\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"th\\\",\\\"open\\\":true}\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":57}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
};

/* OpenAI's Chat Completions API. */
#define CHUNK(delta, finish) \
    "data: {\"id\":\"chatcmpl-device-1\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{" delta \
    "},\"logprobs\":null,\"finish_reason\":" finish "}],\"usage\":null}\n\n"
static const char *const openai_reply[] = {
    CHUNK("\"role\":\"assistant\",\"content\":\"\"", "null"),
    CHUNK("\"content\":\"The bed in the north\"", "null"),
    CHUNK("\"content\":\" is dry (18 %) and\"", "null"),
    CHUNK("\"content\":\" warm (31 \\u00b0C).\"", "null"),
    CHUNK("\"content\":\" I open its valve.\"", "null"),
    CHUNK("\"tool_calls\":[{\"index\":0,\"id\":\"call_device_1\",\"type\":\"function\",\"function\":{\"name\":\"set_valve\",\"arguments\":\"\"}}]", "null"),
    CHUNK("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"valve\\\":\\\"nor\"}}]", "null"),
    CHUNK("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"th\\\",\\\"open\\\":true}\"}}]", "null"),
    CHUNK("", "\"tool_calls\""),
    "data: {\"id\":\"chatcmpl-device-1\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"gpt-4o-mini\",\"choices\":[],"
    "\"usage\":{\"prompt_tokens\":398,\"completion_tokens\":41,\"total_tokens\":439}}\n\n",
    "data: [DONE]\n\n",
};

#endif
