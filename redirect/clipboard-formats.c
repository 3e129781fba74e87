#include "redirect/clipboard-formats.h"

#include "redirect/clipboard-image.h"
#include "redirect/clipboard-text.h"

const struct clipboard_target clipboard_targets[CLIPBOARD_TARGETS] = {
    {"UTF8_STRING", NULL, {{CLIPBOARD_TEXT, clipboard_text_from_client}}},
    {"text/plain;charset=utf-8", NULL, {{CLIPBOARD_TEXT, clipboard_text_from_client}}},
    {"text/plain", NULL, {{CLIPBOARD_TEXT, clipboard_text_from_client}}},
    {"TEXT", "UTF8_STRING", {{CLIPBOARD_TEXT, clipboard_text_from_client}}},
    {"STRING", NULL, {{CLIPBOARD_TEXT, clipboard_latin_from_client}}},
    {"text/html", NULL, {{CLIPBOARD_HTML, clipboard_html_from_client}}},
    {"text/rtf", NULL, {{CLIPBOARD_RTF, clipboard_plain_copy}}},
    {"application/rtf", NULL, {{CLIPBOARD_RTF, clipboard_plain_copy}}},
    {"text/richtext", NULL, {{CLIPBOARD_RTF, clipboard_plain_copy}}},
    {"image/png",
     NULL,
     {{CLIPBOARD_PNG, clipboard_plain_copy},
      {CLIPBOARD_DIBV5, clipboard_png_from_dib},
      {CLIPBOARD_DIB, clipboard_png_from_dib}}},
    {"image/bmp",
     NULL,
     {{CLIPBOARD_DIB, clipboard_bmp_from_dib},
      {CLIPBOARD_DIBV5, clipboard_bmp_from_dib},
      {CLIPBOARD_PNG, clipboard_bmp_from_png}}},
};

const struct clipboard_source clipboard_sources[CLIPBOARD_SOURCES] = {
    {CLIPBOARD_TEXT, "UTF8_STRING", clipboard_text_to_client},
    {CLIPBOARD_TEXT, "text/plain;charset=utf-8", clipboard_text_to_client},
    {CLIPBOARD_TEXT, "text/plain", clipboard_text_to_client},
    {CLIPBOARD_TEXT, "STRING", clipboard_latin_to_client},
    {CLIPBOARD_HTML, "text/html", clipboard_html_to_client},
    {CLIPBOARD_RTF, "text/rtf", clipboard_plain_copy},
    {CLIPBOARD_RTF, "application/rtf", clipboard_plain_copy},
    {CLIPBOARD_PNG, "image/png", clipboard_plain_copy},
    {CLIPBOARD_DIB, "image/bmp", clipboard_dib_from_bmp},
    {CLIPBOARD_DIB, "image/png", clipboard_dib_from_png},
};
