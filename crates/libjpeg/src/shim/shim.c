/* What lib.rs calls: libjpeg with errors as return values. An error leaves the library by longjmp, and is caught in the
 * function of this file that called it: no frame of Rust is ever jumped over or unwound.
 *
 * The input is in memory as a whole. Where it ends too early, the library suspends (as in Pillow's decoder), rather than
 * making up an end marker as its own source managers do. */

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "jpeglib.h"
#include "jerror.h"

/* As `Status` in mod.rs. */
enum status {
  OK = 0,
  TRUNCATED = 1,  /* the input ends before the image does */
  MISSING = 2,    /* a marker stands where compressed data should go on, or a channel has no scan */
  DAMAGED = 3,    /* the compressed data is none */
  PRECISION = 4,  /* bits that are not 8: value */
  PROCESS = 5,    /* a kind of frame that is not read: value, the marker's second byte */
  CHANNELS = 6,   /* not 1, 3 or 4: value */
  SAMPLING = 7,   /* one channel larger than another by a fraction, or too many blocks at once */
  HEIGHT = 8,     /* no width or height in the frame */
  MEMORY = 9,     /* more than the limit */
  SCANS = 10,     /* more work than any image is worth: value, the number of scans */
  REFUSED = 11    /* everything else that libjpeg refuses: message */
};

/* How many blocks may be visited in all scans together, if that is more than `VISITS` times each. One takes 10 to 20 ns. */
#define BLOCKS ((uint64_t)1 << 25)
#define VISITS 40
/* What it takes to begin a scan, in blocks. */
#define SCAN 1024
/* More than the decoder looks ahead. */
#define ZEROS 32
/* As many bytes behind a scan as say nothing yet. */
#define LEFT 32
/* In place of libjpeg's words, which count bytes. */
#define LEFT_OVER "compressed data is left after the last pixel"

struct decoder {
  struct jpeg_decompress_struct cinfo;
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  jmp_buf jump;
  enum status status;
  int value;
  char message[JMSG_LENGTH_MAX];
  /* Blocks visited and allowed, the scan that was seen last, and a bit for each channel that has been in a scan. */
  uint64_t visited, allowed;
  int scan;
  unsigned seen;
  int started;
  const uint8_t *bytes;
};

static struct decoder *of(j_common_ptr cinfo)
{
  return (struct decoder *)cinfo->client_data;
}

/* Does not return. */
static void leave(j_common_ptr cinfo, enum status status, int value)
{
  struct decoder *d = of(cinfo);
  d->status = status;
  d->value = value;
  longjmp(d->jump, 1);
}

static void error_exit(j_common_ptr cinfo)
{
  int value = cinfo->err->msg_parm.i[0];
  cinfo->err->format_message(cinfo, of(cinfo)->message);
  switch (cinfo->err->msg_code) {
  case JERR_BAD_PRECISION:
    leave(cinfo, PRECISION, value);
    break;
  case JERR_SOF_UNSUPPORTED:
    leave(cinfo, PROCESS, value);
    break;
  case JERR_COMPONENT_COUNT:
    leave(cinfo, CHANNELS, value);
    break;
  case JERR_FRACT_SAMPLE_NOTIMPL:
  case JERR_BAD_MCU_SIZE:
    leave(cinfo, SAMPLING, 0);
    break;
  case JERR_EMPTY_IMAGE:
    leave(cinfo, HEIGHT, 0);
    break;
  case JERR_CANT_SUSPEND: /* the arithmetic decoder, where the input ends */
    leave(cinfo, TRUNCATED, 0);
    break;
  case JERR_OUT_OF_MEMORY:
  case JERR_NO_BACKING_STORE:
    leave(cinfo, MEMORY, 0);
    break;
  default:
    leave(cinfo, REFUSED, 0);
  }
}

/* Whether bytes between the data of a scan and the next marker are compressed data of which no pixel came, and not padding:
 * the decoder lost its place somewhere before. It reads ahead by a few bytes, so that those that it has taken are not here. */
static int is_data(const uint8_t *bytes, size_t count)
{
  size_t data = 0, i;
  for (i = 0; i < count; i++)
    data += bytes[i] != 0 && bytes[i] != 0xFF;
  return data > LEFT;
}

/* Whether a marker stands where a scan, or a part of one, is over: the end, another scan and its tables, a restart. A trailer in
 * place of the end marker has others. */
static int ends_a_scan(int marker)
{
  return marker == 0xD9 || marker == 0xDA || marker == 0xC4 || (marker >= 0xD0 && marker <= 0xD7);
}

/* Warnings after which the pixels are made up end the decoding; the others leave them as they should be. */
static void emit_message(j_common_ptr cinfo, int level)
{
  struct decoder *d = of(cinfo);
  size_t count;
  if (level >= 0)
    return;
  switch (cinfo->err->msg_code) {
  case JWRN_HIT_MARKER:
  case JWRN_JPEG_EOF:
    leave(cinfo, MISSING, 0);
    break;
  case JWRN_HUFF_BAD_CODE:
  case JWRN_ARITH_BAD_CODE:
  case JWRN_MUST_RESYNC:
    cinfo->err->format_message(cinfo, of(cinfo)->message);
    leave(cinfo, DAMAGED, 0);
    break;
  case JWRN_EXTRANEOUS_DATA:
    /* Between segments before the first scan they say nothing of the pixels. */
    count = (size_t)cinfo->err->msg_parm.i[0];
    if (d->scan && ends_a_scan(cinfo->err->msg_parm.i[1]) && count <= (size_t)(d->source.next_input_byte - d->bytes) &&
        is_data(d->source.next_input_byte - count, count)) {
      snprintf(d->message, JMSG_LENGTH_MAX, LEFT_OVER);
      leave(cinfo, DAMAGED, 0);
    }
    break;
  default:
    cinfo->err->num_warnings++;
  }
}

static void output_message(j_common_ptr cinfo)
{
  (void)cinfo;
}

static void nothing(j_decompress_ptr cinfo)
{
  (void)cinfo;
}

static boolean fill_input_buffer(j_decompress_ptr cinfo)
{
  (void)cinfo;
  return FALSE;
}

static void skip_input_data(j_decompress_ptr cinfo, long count)
{
  struct jpeg_source_mgr *source = cinfo->src;
  size_t skipped = count < 0 ? 0 : (size_t)count;
  if (skipped > source->bytes_in_buffer)
    leave((j_common_ptr)cinfo, TRUNCATED, 0);
  source->next_input_byte += skipped;
  source->bytes_in_buffer -= skipped;
}

/* Called before each row of blocks that is read (and before each row of pixels, which costs nothing here). */
static void watch(j_common_ptr common)
{
  j_decompress_ptr cinfo = (j_decompress_ptr)common;
  struct decoder *d = of(common);
  int i;
  if (d->started)
    return;
  if (d->scan != cinfo->input_scan_number) {
    d->scan = cinfo->input_scan_number;
    d->visited += SCAN;
  }
  for (i = 0; i < cinfo->comps_in_scan; i++) {
    jpeg_component_info *component = cinfo->cur_comp_info[i];
    d->seen |= 1u << component->component_index;
    d->visited += (uint64_t)component->width_in_blocks * component->v_samp_factor;
  }
  if (d->visited > d->allowed)
    leave(common, SCANS, d->scan);
}

static uint64_t blocks(j_decompress_ptr cinfo)
{
  uint64_t sum = 0;
  int i;
  for (i = 0; i < cinfo->num_components; i++)
    sum += (uint64_t)cinfo->comp_info[i].width_in_blocks * cinfo->comp_info[i].height_in_blocks;
  return sum;
}

static int create(struct decoder *d)
{
  if (setjmp(d->jump))
    return 0;
  jpeg_create_decompress(&d->cinfo);
  return 1;
}

struct decoder *finetune_jpeg_new(const uint8_t *bytes, size_t length, size_t memory)
{
  struct decoder *d = calloc(1, sizeof *d);
  if (!d)
    return NULL;
  d->cinfo.err = jpeg_std_error(&d->errors);
  d->errors.error_exit = error_exit;
  d->errors.emit_message = emit_message;
  d->errors.output_message = output_message;
  d->cinfo.client_data = d;
  if (!create(d)) {
    free(d);
    return NULL;
  }
  d->cinfo.mem->max_memory_to_use = (long)memory;
  d->bytes = bytes;
  d->source.next_input_byte = bytes;
  d->source.bytes_in_buffer = length;
  d->source.init_source = nothing;
  d->source.fill_input_buffer = fill_input_buffer;
  d->source.skip_input_data = skip_input_data;
  d->source.resync_to_restart = jpeg_resync_to_restart;
  d->source.term_source = nothing;
  d->cinfo.src = &d->source;
  d->progress.progress_monitor = watch;
  d->cinfo.progress = &d->progress;
  return d;
}

/* Reads as far as the first scan; channels are those of the output, 3 (RGB) or 4 (CMYK as it is in the file). */
int finetune_jpeg_header(struct decoder *d, uint32_t *width, uint32_t *height, int *channels)
{
  int read;
  if (setjmp(d->jump))
    return d->status;
  do
    read = jpeg_read_header(&d->cinfo, FALSE);
  while (read == JPEG_HEADER_TABLES_ONLY);
  if (read == JPEG_SUSPENDED)
    return TRUNCATED;
  *width = d->cinfo.image_width;
  *height = d->cinfo.image_height;
  switch (d->cinfo.num_components) {
  case 1:
  case 3:
    *channels = 3;
    d->cinfo.out_color_space = JCS_RGB;
    break;
  case 4:
    *channels = 4;
    d->cinfo.out_color_space = JCS_CMYK;
    break;
  default:
    d->value = d->cinfo.num_components;
    return CHANNELS;
  }
  d->allowed = VISITS * blocks(&d->cinfo);
  if (d->allowed < BLOCKS)
    d->allowed = BLOCKS;
  return OK;
}

/* Begins at a size divided by 1, 2, 4 or 8, rounded up. Of several scans it reads all. */
int finetune_jpeg_start(struct decoder *d, unsigned divisor, uint32_t *width, uint32_t *height)
{
  if (setjmp(d->jump))
    return d->status;
  d->cinfo.scale_num = 1;
  d->cinfo.scale_denom = divisor;
  if (!jpeg_start_decompress(&d->cinfo))
    return TRUNCATED;
  watch((j_common_ptr)&d->cinfo);
  if (d->seen != (1u << d->cinfo.num_components) - 1)
    return MISSING;
  d->started = 1;
  *width = d->cinfo.output_width;
  *height = d->cinfo.output_height;
  return OK;
}

/* Whether the last bytes of a file of one scan were zeros, and nothing but zeros follows: what a file of which the end was
 * never written looks like. No encoder ends so, because the end marker is missing. */
static int ends_in_zeros(const struct decoder *d)
{
  const uint8_t *next = d->source.next_input_byte;
  size_t left = d->source.bytes_in_buffer, i;
  if (d->cinfo.unread_marker || next - d->bytes < ZEROS)
    return 0;
  for (i = 1; i <= ZEROS; i++)
    if (next[-(ptrdiff_t)i])
      return 0;
  for (i = 0; i < left; i++)
    if (next[i])
      return 0;
  return 1;
}

/* Whether data of a file of one scan is left between the last row and the end marker. Of several scans all are read before the
 * first row, and libjpeg itself says so. */
static int leaves_data(struct decoder *d)
{
  const uint8_t *next = d->source.next_input_byte;
  size_t left = d->source.bytes_in_buffer, i;
  if (d->cinfo.unread_marker || jpeg_has_multiple_scans(&d->cinfo))
    return 0;
  for (i = 0; i + 1 < left; i++) {
    int is_restart = next[i + 1] >= 0xD0 && next[i + 1] <= 0xD7;
    if (next[i] == 0xFF && next[i + 1] != 0 && next[i + 1] != 0xFF && !is_restart)
      return ends_a_scan(next[i + 1]) && is_data(next, i);
  }
  return 0;
}

/* Reads the next rows, `stride` bytes each. What follows the next marker after the last one is not looked at. */
int finetune_jpeg_rows(struct decoder *d, uint8_t *out, size_t stride, uint32_t rows)
{
  uint32_t row;
  if (setjmp(d->jump))
    return d->status;
  for (row = 0; row < rows; row++) {
    JSAMPROW line = out + row * stride;
    if (jpeg_read_scanlines(&d->cinfo, &line, 1) != 1)
      return TRUNCATED;
  }
  if (d->cinfo.output_scanline == d->cinfo.output_height) {
    if (ends_in_zeros(d))
      return MISSING;
    if (leaves_data(d)) {
      snprintf(d->message, JMSG_LENGTH_MAX, LEFT_OVER);
      return DAMAGED;
    }
  }
  return OK;
}

int finetune_jpeg_value(const struct decoder *d)
{
  return d->value;
}

const char *finetune_jpeg_message(const struct decoder *d)
{
  return d->message;
}

void finetune_jpeg_free(struct decoder *d)
{
  if (!setjmp(d->jump))
    jpeg_destroy_decompress(&d->cinfo);
  free(d);
}
