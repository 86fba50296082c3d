package bench

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// sensors read what Linux says about temperature and energy below /sys, which a
// test replaces. Virtual machines have neither.
type sensors struct {
	system  fs.FS
	energy  []energyCounter
	celsius []string // files, in thousandths of a degree
}

// energyCounter counts the energy of a package (RAPL, running average power
// limit) in µJ, up to a range after which it begins again.
type energyCounter struct {
	file        string
	before, all float64
	wraps       float64
}

// coreSensors are the drivers whose temperatures are those of cores.
var coreSensors = []string{"coretemp", "k10temp", "zenpower", "cpu_thermal"}

// zoneTypes are thermal zones of cores, for systems without such a driver.
var zoneTypes = []string{"x86_pkg_temp", "cpu-thermal", "cpu_thermal"}

// newSensors finds the sensors that can be read.
func newSensors(system fs.FS) *sensors {
	s := &sensors{system: system}
	for _, folder := range s.glob("class/powercap/intel-rapl:*") {
		// Deeper domains, such as intel-rapl:0:0, are parts of a package; psys is all of the board.
		if strings.Count(path.Base(folder), ":") != 1 || !strings.HasPrefix(s.text(folder+"/name"), "package") {
			continue
		}
		now, ok := s.number(folder + "/energy_uj")
		if wraps, hasRange := s.number(folder + "/max_energy_range_uj"); ok && hasRange {
			s.energy = append(s.energy, energyCounter{file: folder + "/energy_uj", before: now, wraps: wraps})
		}
	}
	for _, folder := range s.glob("class/hwmon/hwmon*") {
		if slices.Contains(coreSensors, s.text(folder+"/name")) {
			s.celsius = append(s.celsius, s.glob(folder+"/temp*_input")...)
		}
	}
	if len(s.celsius) == 0 {
		for _, folder := range s.glob("class/thermal/thermal_zone*") {
			if slices.Contains(zoneTypes, s.text(folder+"/type")) {
				s.celsius = append(s.celsius, folder+"/temp")
			}
		}
	}
	return s
}

// joules is the energy of all packages since the sensors were found, or false
// where the system does not say, or not to this user.
func (s *sensors) joules() (total float64, ok bool) {
	for i := range s.energy {
		counter := &s.energy[i]
		now, ok := s.number(counter.file)
		if !ok {
			return 0, false
		}
		passed := now - counter.before
		if passed < 0 {
			passed += counter.wraps
		}
		counter.before = now
		counter.all += passed
		total += counter.all / 1e6
	}
	return total, len(s.energy) > 0
}

// hottest is the highest temperature of the cores, in °C.
func (s *sensors) hottest() (celsius float64, ok bool) {
	for _, file := range s.celsius {
		if v, readable := s.number(file); readable {
			celsius, ok = max(celsius, v/1000), true
		}
	}
	return celsius, ok
}

// glob finds files; the patterns are well formed.
func (s *sensors) glob(pattern string) []string {
	found, _ := fs.Glob(s.system, pattern)
	return found
}

func (s *sensors) text(file string) string {
	content, err := fs.ReadFile(s.system, file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content))
}

func (s *sensors) number(file string) (float64, bool) {
	v, err := strconv.ParseFloat(s.text(file), 64)
	return v, err == nil
}
