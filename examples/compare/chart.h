/* Bars in SVG: a panel for each measure, a row for each model. */
#ifndef CHART_H
#define CHART_H
#include "../kit/kit.h"

enum { CHART_WIDTH = 760, CHART_NAMES = 190, CHART_ROW = 26, CHART_PANEL = 46 };

typedef struct bar { const char *name; double value, part; bool known; } bar; /* part: of the value, drawn darker; 0: none */

/* Text as XML has it; what XML 1.0 cannot hold is '?'. */
static inline void put_xml(text *t, const char *s) {
    for (; *s; s++) {
        if (*s == '&') puts_to(t, "&amp;");
        else if (*s == '<') puts_to(t, "&lt;");
        else if (*s == '>') puts_to(t, "&gt;");
        else if (*s == '"') puts_to(t, "&quot;");
        else if ((unsigned char)*s < 0x20 || *s == 0x7f) puts_to(t, "?");
        else put(t, s, 1);
    }
}

static inline double chart_height(size_t panels, size_t rows) {
    return (double)(panels * (CHART_PANEL + rows * CHART_ROW) + 20);
}

static inline void chart_begin(text *t, const char *title, size_t panels, size_t rows) {
    putf(t, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" font-family=\"sans-serif\" font-size=\"13\">\n<title>", CHART_WIDTH,
         chart_height(panels, rows));
    put_xml(t, title);
    puts_to(t, "</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
}

/* The panel-th one from 0. most: where the scale ends; 0: at the largest value. format: one double. */
static inline void chart_panel(text *t, size_t panel, const char *title, const bar *bars, size_t rows, double most, const char *colour, const char *darker, const char *(*word)(double value, char out[32])) {
    double y = (double)(panel * (CHART_PANEL + rows * CHART_ROW) + 30), room = CHART_WIDTH - CHART_NAMES - 110;
    size_t i;
    char number[32];
    for (i = 0; i < rows; i++)
        if (bars[i].known && bars[i].value > most) most = bars[i].value;
    putf(t, "<text x=\"12\" y=\"%.0f\" font-weight=\"bold\">", y);
    put_xml(t, title);
    puts_to(t, "</text>\n");
    for (i = 0; i < rows; i++) {
        double wide = bars[i].known && most > 0 ? bars[i].value / most * room : 0, dark = bars[i].known && most > 0 ? bars[i].part / most * room : 0;
        double top = y + 10 + (double)i * CHART_ROW;
        putf(t, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">", CHART_NAMES - 8, top + 16);
        put_xml(t, bars[i].name);
        putf(t, "</text><rect x=\"%d\" y=\"%.0f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>", CHART_NAMES, top + 2, wide, CHART_ROW - 6, colour);
        if (dark > 0) putf(t, "<rect x=\"%d\" y=\"%.0f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>", CHART_NAMES, top + 2, dark < wide ? dark : wide, CHART_ROW - 6, darker);
        putf(t, "<text x=\"%.1f\" y=\"%.0f\">", CHART_NAMES + wide + 6, top + 16);
        put_xml(t, bars[i].known ? word(bars[i].value, number) : "unknown");
        puts_to(t, "</text>\n");
    }
}

static inline void chart_end(text *t) {
    puts_to(t, "</svg>\n");
}
#endif
