// The video and its clock; times are the source's, seconds. Where the video is missing, a clock that stands still.
import { lastUpTo } from "./motion.js";

export const openPlayer = (data) => {
  const video = document.getElementById("video");
  const listeners = [];
  let asked = null; // where it was sent last
  let since = 0; // what was put on screen before is no news any more
  const player = {
    video,
    lost: !video,
    times: null, // of the frames, once they are known
    time: data.start,
    loop: null, // [start, stop] of what is played again and again
    onTime: (listener) => listeners.push(listener),
  };
  const tell = (time) => {
    player.time = time;
    for (const listener of listeners) listener(time);
  };
  // A hair past the frame's own time, so that rounding never shows the frame before it.
  const send = (time) => {
    since = performance.now();
    video.currentTime = Math.max(0, time - data.videoStart) + 0.001;
  };
  // Told at once: the video's own word comes later, maybe after somebody went on from here.
  player.seek = (time) => {
    asked = Math.min(data.stop, Math.max(data.start, time));
    if (!player.lost) send(asked);
    tell(asked);
  };
  player.refresh = () => tell(player.time);
  player.step = (by) => {
    if (!player.lost) video.pause();
    if (!player.times) { player.seek(player.time + by / 25); return; }
    const at = lastUpTo(player.times, player.time + 0.0005) + by;
    player.seek(player.times[Math.min(player.times.length - 1, Math.max(0, at))]);
  };
  player.toggle = () => { if (!player.lost) { if (video.paused) video.play(); else video.pause(); } };
  if (video) {
    const hear = (time) => {
      if (player.lost) return;
      tell(time);
      if (player.loop && !video.paused && (time >= player.loop[1] - 0.001 || time < player.loop[0] - 0.1)) player.seek(player.loop[0]);
    };
    const follow = () => { since = performance.now(); hear(Math.max(0, video.currentTime - 0.001) + data.videoStart); };
    video.addEventListener("loadedmetadata", () => { if (asked === null) follow(); else send(asked); });
    // While it plays, each frame tells when it is shown; its clock may be ahead of what is on screen.
    for (const event of ["seeking", "seeked", ...(video.requestVideoFrameCallback ? [] : ["timeupdate"])]) video.addEventListener(event, follow);
    const onFrame = (_, { mediaTime, presentationTime }) => {
      if (!video.seeking && presentationTime >= since) hear(mediaTime + data.videoStart);
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback?.(onFrame);
    const lose = () => {
      player.lost = true;
      document.querySelector(".film").classList.add("lost");
      player.refresh();
    };
    video.addEventListener("error", lose);
    if (video.error || video.networkState === HTMLMediaElement.NETWORK_NO_SOURCE) lose();
  }
  return player;
};
