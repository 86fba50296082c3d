package picture

import (
	"bytes"
	"encoding/binary"
)

// orientation returns EXIF's word for how a picture is stored, 1 to 8; 1,
// upright, if the file says nothing.
func orientation(format string, content []byte) int {
	switch format {
	case "tiff":
		return tiffOrientation(content)
	case "jpeg":
		return jpegOrientation(content)
	case "png":
		return chunkOrientation(content, 8, "eXIf", true)
	case "webp":
		return chunkOrientation(content, 12, "EXIF", false)
	}
	return 1
}

// jpegOrientation looks for the EXIF segment before the first scan.
func jpegOrientation(content []byte) int {
	const exif = "Exif\x00\x00"
	for at := 2; at+4 <= len(content) && content[at] == 0xff; {
		marker, length := content[at+1], int(binary.BigEndian.Uint16(content[at+2:]))
		if marker == 0xda || length < 2 || at+2+length > len(content) {
			break
		}
		if body := content[at+4 : at+2+length]; marker == 0xe1 && bytes.HasPrefix(body, []byte(exif)) {
			return tiffOrientation(body[len(exif):])
		}
		at += 2 + length
	}
	return 1
}

// chunkOrientation looks for a chunk of a PNG, whose lengths come first and are
// followed by a checksum, or of a WebP, whose names come first.
func chunkOrientation(content []byte, at int, name string, png bool) int {
	for at+8 <= len(content) {
		kind, length := string(content[at:at+4]), uint64(binary.LittleEndian.Uint32(content[at+4:]))
		extra := length % 2
		if png {
			kind, length, extra = string(content[at+4:at+8]), uint64(binary.BigEndian.Uint32(content[at:])), 4
		}
		if length > uint64(len(content)-at-8) {
			break
		}
		if kind == name {
			return tiffOrientation(bytes.TrimPrefix(content[at+8:][:length], []byte("Exif\x00\x00")))
		}
		at += 8 + int(length+extra)
	}
	return 1
}

// tiffOrientation reads tag 0x0112 of the first directory of a TIFF, the form
// of EXIF's data too.
func tiffOrientation(content []byte) int {
	if len(content) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	if content[0] == 'M' {
		order = binary.BigEndian
	}
	directory := uint64(order.Uint32(content[4:]))
	if directory+2 > uint64(len(content)) {
		return 1
	}
	entries := content[directory+2:]
	for n := int(order.Uint16(content[directory:])); n > 0 && len(entries) >= 12; n-- {
		const tag, short = 0x0112, 3
		if order.Uint16(entries) == tag && order.Uint16(entries[2:]) == short {
			if v := int(order.Uint16(entries[8:])); v >= 1 && v <= 8 {
				return v
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}

// frames counts the frames of a GIF, at least 1, by its blocks.
func frames(content []byte) int {
	if len(content) < 13 {
		return 1
	}
	at, count := 13, 0
	table := func(flags byte) int {
		if flags&0x80 == 0 {
			return 0
		}
		return 3 << (flags&7 + 1)
	}
	at += table(content[10])
	skip := func() {
		for at < len(content) && content[at] != 0 {
			at += 1 + int(content[at])
		}
		at++
	}
	for at < len(content) {
		switch content[at] {
		case 0x21: // an extension and its label
			at += 2
			skip()
		case 0x2c: // a frame: nine bytes, a table, the size of the codes
			if at+10 > len(content) {
				return max(1, count)
			}
			count++
			at += 10 + table(content[at+9]) + 1
			skip()
		default:
			return max(1, count)
		}
	}
	return max(1, count)
}
