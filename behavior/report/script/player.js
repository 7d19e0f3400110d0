// The video and its clock; times are the source's, seconds. Where the video is missing, a clock that stands still.
import { lastUpTo } from "./motion.js";

export const openPlayer = (data) => {
  const video = document.getElementById("video");
  const listeners = [];
  let wanted = data.start; // where the video is sent, should it turn out to be missing
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
    if (player.loop && !player.lost && !video.paused && (time >= player.loop[1] - 0.001 || time < player.loop[0] - 0.1)) player.seek(player.loop[0]);
    for (const listener of listeners) listener(time);
  };
  // A hair past the frame's own time, so that rounding never shows the frame before it.
  player.seek = (time) => {
    if (player.lost) tell(Math.min(data.stop, Math.max(data.start, time)));
    else {
      wanted = time;
      video.currentTime = Math.max(0, time - data.videoStart) + 0.001;
    }
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
    const follow = () => { if (!player.lost) tell(Math.max(0, video.currentTime - 0.001) + data.videoStart); };
    for (const event of ["loadedmetadata", "seeking", "seeked", "timeupdate"]) video.addEventListener(event, follow);
    const onFrame = (_, frame) => { tell(frame.mediaTime + data.videoStart); video.requestVideoFrameCallback(onFrame); };
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(onFrame);
    const lose = () => {
      player.lost = true;
      document.querySelector(".film").classList.add("lost");
      tell(wanted);
    };
    video.addEventListener("error", lose);
    if (video.error || video.networkState === HTMLMediaElement.NETWORK_NO_SOURCE) lose();
  }
  return player;
};
