// A report is being told anew: looks again until it is there. The browser's own refresh would stay at an address with #t=.
setTimeout(() => location.reload(), 1000);
