/* A sound card without hardware, as a plugin of ALSA, so that all phones play through the same one.
 *
 *   pcm.!default { type bench file "/tmp/speaker" epoch "123456789" }
 *
 * It keeps the time of CLOCK_MONOTONIC to the sample. What is played goes, as 16 bits of one channel, into the file
 * that is named `file`, a dash and the rate; the place of a sample there is the time at which it was played, counted
 * in samples since `epoch` (nanoseconds of that clock). What is recorded is silence.
 *
 * To programs that it is loaded into beforehand (LD_PRELOAD) it is card 0: the library itself calls every plugin a
 * sound server, from which some ask for longer buffers. */

#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NANOSECONDS 1000000000LL

struct card {
    snd_pcm_ioplug_t io;
    char *name;
    int64_t epoch;
    int file;
    int running;
    int64_t started;
    /* Frames that the program has written or read since the card was prepared. */
    int64_t moved;
    snd_pcm_uframes_t enough;
    /* What was written before the card ran. */
    int16_t *waiting;
};

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * NANOSECONDS + time.tv_nsec;
}

/* Frames that the card has played or recorded. */
static int64_t done(const struct card *card) {
    return card->running ? (now() - card->started) * card->io.rate / NANOSECONDS : 0;
}

/* Room for frames that are to be played, or frames that have been recorded. */
static int64_t ready(const struct card *card) {
    int64_t ahead = card->moved - done(card);
    return card->io.stream == SND_PCM_STREAM_PLAYBACK ? (int64_t)card->io.buffer_size - ahead : -ahead;
}

static int has_slipped(const struct card *card) {
    return card->running && ready(card) >= (int64_t)card->io.buffer_size;
}

static void set_timer(struct card *card, int64_t first, int64_t then) {
    struct itimerspec when = {
        .it_value = {first / NANOSECONDS, first % NANOSECONDS},
        .it_interval = {then / NANOSECONDS, then % NANOSECONDS},
    };
    timerfd_settime(card->io.poll_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void keep(const struct card *card, const int16_t *samples, int64_t from, int64_t count) {
    int64_t place = (card->started - card->epoch) * card->io.rate / NANOSECONDS + from;
    if (pwrite(card->file, samples, count * sizeof *samples, place * sizeof *samples) < 0)
        abort();
}

static int on_start(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    int64_t period = io->period_size * NANOSECONDS / io->rate;
    card->started = now();
    card->running = 1;
    set_timer(card, card->started + period, period);
    if (io->stream == SND_PCM_STREAM_PLAYBACK)
        keep(card, card->waiting, 0, card->moved);
    return 0;
}

static int on_stop(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    card->running = 0;
    return 0;
}

static snd_pcm_sframes_t on_pointer(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    return has_slipped(card) ? -EPIPE : (snd_pcm_sframes_t)(done(card) % io->buffer_size);
}

static snd_pcm_sframes_t on_transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas,
                                     snd_pcm_uframes_t offset, snd_pcm_uframes_t size) {
    struct card *card = io->private_data;
    snd_pcm_uframes_t step = areas[0].step / 16;
    int16_t *samples = (int16_t *)((char *)areas[0].addr + areas[0].first / 8) + offset * step;
    if (io->stream == SND_PCM_STREAM_CAPTURE) {
        snd_pcm_areas_silence(areas, offset, io->channels, size, io->format);
    } else if (!card->running) {
        if (card->moved + size > io->buffer_size)
            size = io->buffer_size - card->moved;
        for (snd_pcm_uframes_t i = 0; i < size; i++)
            card->waiting[card->moved + i] = samples[i * step];
    } else {
        int16_t played[size];
        for (snd_pcm_uframes_t i = 0; i < size; i++)
            played[i] = samples[i * step];
        keep(card, played, card->moved, size);
    }
    card->moved += size;
    return size;
}

static int on_prepare(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    card->running = 0;
    card->moved = 0;
    /* Until the card runs there is room at once. */
    set_timer(card, 1, 0);
    return 0;
}

static int on_hw_params(snd_pcm_ioplug_t *io, snd_pcm_hw_params_t *params) {
    struct card *card = io->private_data;
    char path[4096];
    (void)params;
    free(card->waiting);
    card->waiting = calloc(io->buffer_size, sizeof *card->waiting);
    if (io->stream != SND_PCM_STREAM_PLAYBACK)
        return 0;
    if (card->file >= 0)
        close(card->file);
    snprintf(path, sizeof path, "%s-%u", card->name, io->rate);
    card->file = open(path, O_CREAT | O_WRONLY, 0644);
    return card->file < 0 ? -errno : 0;
}

static int on_sw_params(snd_pcm_ioplug_t *io, snd_pcm_sw_params_t *params) {
    struct card *card = io->private_data;
    return snd_pcm_sw_params_get_avail_min(params, &card->enough);
}

static int on_poll(snd_pcm_ioplug_t *io, struct pollfd *polled, unsigned int count, unsigned short *events) {
    struct card *card = io->private_data;
    uint64_t ticks;
    (void)polled, (void)count;
    *events = 0;
    if (has_slipped(card))
        *events = POLLERR;
    if (ready(card) >= (int64_t)card->enough)
        *events |= io->stream == SND_PCM_STREAM_PLAYBACK ? POLLOUT : POLLIN;
    else if (read(io->poll_fd, &ticks, sizeof ticks) < 0 && errno != EAGAIN)
        return -errno;
    return 0;
}

static int on_close(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    close(io->poll_fd);
    if (card->file >= 0)
        close(card->file);
    free(card->waiting);
    free(card->name);
    free(card);
    return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
    .start = on_start,
    .stop = on_stop,
    .pointer = on_pointer,
    .transfer = on_transfer,
    .prepare = on_prepare,
    .hw_params = on_hw_params,
    .sw_params = on_sw_params,
    .poll_revents = on_poll,
    .close = on_close,
};

static int constrain(snd_pcm_ioplug_t *io) {
    static const unsigned int accesses[] = {SND_PCM_ACCESS_RW_INTERLEAVED, SND_PCM_ACCESS_MMAP_INTERLEAVED};
    static const unsigned int formats[] = {SND_PCM_FORMAT_S16_LE};
    static const struct {
        int what;
        unsigned int least, most;
    } ranges[] = {
        {SND_PCM_IOPLUG_HW_CHANNELS, 1, 2},
        {SND_PCM_IOPLUG_HW_RATE, 8000, 48000},
        {SND_PCM_IOPLUG_HW_PERIODS, 2, 32},
        {SND_PCM_IOPLUG_HW_PERIOD_BYTES, 64, 65536},
        {SND_PCM_IOPLUG_HW_BUFFER_BYTES, 128, 262144},
    };
    int error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 2, accesses);
    if (error >= 0)
        error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 1, formats);
    for (size_t i = 0; error >= 0 && i < sizeof ranges / sizeof *ranges; i++)
        error = snd_pcm_ioplug_set_param_minmax(io, ranges[i].what, ranges[i].least, ranges[i].most);
    return error;
}

SND_PCM_PLUGIN_DEFINE_FUNC(bench) {
    const char *file = NULL, *epoch = NULL;
    snd_config_iterator_t i, next;
    struct card *card;
    int error;
    (void)root;
    snd_config_for_each(i, next, conf) {
        snd_config_t *entry = snd_config_iterator_entry(i);
        const char *id;
        if (snd_config_get_id(entry, &id) < 0)
            continue;
        if (strcmp(id, "file") == 0)
            snd_config_get_string(entry, &file);
        else if (strcmp(id, "epoch") == 0)
            snd_config_get_string(entry, &epoch);
    }
    if (!file || !epoch)
        return -EINVAL;
    card = calloc(1, sizeof *card);
    if (!card)
        return -ENOMEM;
    card->name = strdup(file);
    card->epoch = atoll(epoch);
    card->file = -1;
    card->io.version = SND_PCM_IOPLUG_VERSION;
    card->io.name = "a card that keeps what is played";
    card->io.callback = &callbacks;
    card->io.private_data = card;
    card->io.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    card->io.poll_events = POLLIN;
    error = snd_pcm_ioplug_create(&card->io, name, stream, mode);
    if (error < 0) {
        on_close(&card->io);
        return error;
    }
    error = constrain(&card->io);
    if (error < 0) {
        snd_pcm_ioplug_delete(&card->io);
        return error;
    }
    *pcmp = card->io.pcm;
    return 0;
}

SND_PCM_PLUGIN_SYMBOL(bench);

int snd_pcm_info_get_card(const snd_pcm_info_t *info) {
    (void)info;
    return 0;
}
