// The video and its clock; times are the source's, seconds.
export const openPlayer = (data) => {
  const video = document.getElementById("video");
  // A hair past the frame's own time, so that rounding never shows the frame before it.
  const seek = (time) => { if (video) video.currentTime = Math.max(0, time - data.videoStart) + 0.001; };
  return { video, seek };
};
