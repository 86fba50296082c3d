// Package quota says how many processors the process's control group may use.
package quota

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Processors is the number of processors that the process's control group may
// use, such as 1.5, or infinity: of the group itself and of those around it,
// version 1 or 2 (cgroups(7)).
func Processors() float64 {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return math.Inf(1)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return math.Inf(1)
	}
	least := math.Inf(1)
	for line := range strings.Lines(string(groups)) {
		// hierarchy:controllers:path, where version 2 names no controllers
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) < 3 {
			continue
		}
		controllers, path := fields[1], fields[2]
		read := quotaV2
		if controllers != "" {
			if !listed(controllers, "cpu") {
				continue
			}
			read = quotaV1
		}
		root, folder := cgroupMount(string(mounts), controllers != "")
		if folder == "" {
			continue
		}
		if inside, err := filepath.Rel(root, path); err == nil && !strings.HasPrefix(inside, "..") {
			path = "/" + inside
		} else {
			path = "/" // of another namespace
		}
		for ; ; path = filepath.Dir(path) {
			least = min(least, read(filepath.Join(folder, path)))
			if path == "/" {
				break
			}
		}
	}
	return least
}

func listed(list, name string) bool {
	for s := range strings.SplitSeq(list, ",") {
		if s == name {
			return true
		}
	}
	return false
}

// cgroupMount returns where the controller of processors is mounted, and which
// group is at the top there (proc_pid_mountinfo(5)).
func cgroupMount(mounts string, v1 bool) (root, folder string) {
	for line := range strings.Lines(mounts) {
		mount, system, found := strings.Cut(line, " - ")
		fields, kind := strings.Fields(mount), strings.Fields(system)
		if !found || len(fields) < 5 || len(kind) < 3 {
			continue
		}
		if v1 && kind[0] == "cgroup" && listed(kind[2], "cpu") || !v1 && kind[0] == "cgroup2" {
			return fields[3], fields[4]
		}
	}
	return "", ""
}

// quotaV2 reads cpu.max: a quota, or max, and a period in microseconds.
func quotaV2(folder string) float64 {
	content, _ := os.ReadFile(filepath.Join(folder, "cpu.max"))
	fields := strings.Fields(string(content))
	if len(fields) != 2 {
		return math.Inf(1)
	}
	return share(fields[0], fields[1])
}

// quotaV1 reads the two files in which version 1 keeps them; −1 is none.
func quotaV1(folder string) float64 {
	limit, _ := os.ReadFile(filepath.Join(folder, "cpu.cfs_quota_us"))
	period, _ := os.ReadFile(filepath.Join(folder, "cpu.cfs_period_us"))
	return share(strings.TrimSpace(string(limit)), strings.TrimSpace(string(period)))
}

func share(limit, period string) float64 {
	l, errLimit := strconv.ParseFloat(limit, 64)
	p, errPeriod := strconv.ParseFloat(period, 64)
	if errLimit != nil || errPeriod != nil || !(l > 0) || !(p > 0) {
		return math.Inf(1)
	}
	return l / p
}
