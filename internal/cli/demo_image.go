package cli

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	// binaryPath is where the image has the program.
	binaryPath = "twinport"
	// releaseLabel tells one image of the demo from the other.
	releaseLabel = "org.opencontainers.image.version"
)

// binaryLayer is a layer that holds the running program, so that an image
// needs neither a tool to build it nor another image to start from.
type binaryLayer struct {
	layer  v1.Layer
	size   int64  // of the program, in bytes
	sha256 string // of the program
	// warning is why an image of the layer does not run, if so.
	warning string
}

func newBinaryLayer() (*binaryLayer, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the running program: %w", err)
	}
	files, warning, err := programFiles(path)
	if err != nil {
		return nil, err
	}
	b := &binaryLayer{warning: warning}
	var buffer bytes.Buffer
	archive := tar.NewWriter(&buffer)
	for _, file := range files {
		hash := sha256.New()
		size, err := addFile(archive, file, hash)
		if err != nil {
			return nil, fmt.Errorf("pack %s into a layer: %w", file.from, err)
		}
		if file.to == binaryPath {
			b.size, b.sha256 = size, hex.EncodeToString(hash.Sum(nil))
		}
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("pack a layer: %w", err)
	}
	b.layer = static.NewLayer(buffer.Bytes(), types.OCIUncompressedLayer)
	return b, nil
}

// layerFile is a file of this machine and its path in the image, which is
// relative to the root.
type layerFile struct{ from, to string }

// programFiles lists what the image needs to run the program at path: itself
// alone if it is linked statically (CGO_ENABLED=0), or else its loader and the
// libraries that this very process has loaded.
func programFiles(path string) (files []layerFile, warning string, err error) {
	files = []layerFile{{path, binaryPath}}
	if runtime.GOOS != "linux" {
		return files, "this program is for " + runtime.GOOS + ": the image carries it as content, but does not run", nil
	}
	program, err := elf.Open(path)
	if err != nil {
		return nil, "", fmt.Errorf("read the running program: %w", err)
	}
	defer program.Close()
	loader := ""
	for _, segment := range program.Progs {
		if segment.Type == elf.PT_INTERP {
			text, err := io.ReadAll(io.LimitReader(segment.Open(), 4096))
			if err != nil {
				return nil, "", fmt.Errorf("read the running program's loader: %w", err)
			}
			loader = strings.TrimRight(string(text), "\x00")
		}
	}
	if loader == "" {
		return files, "", nil
	}
	libraries, err := loadedLibraries()
	if err != nil {
		return nil, "", err
	}
	for _, library := range append(libraries, loader) {
		file := layerFile{library, strings.TrimPrefix(library, "/")}
		if !slices.Contains(files, file) {
			files = append(files, file)
		}
	}
	return files, "", nil
}

// loadedLibraries lists the shared libraries that are mapped into this process (Linux).
func loadedLibraries() ([]string, error) {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return nil, fmt.Errorf("find the program's libraries: %w", err)
	}
	defer maps.Close()
	var libraries []string
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		start := strings.IndexByte(lines.Text(), '/')
		if start < 0 {
			continue
		}
		path := lines.Text()[start:]
		if strings.Contains(path, ".so") && !slices.Contains(libraries, path) {
			libraries = append(libraries, path)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("find the program's libraries: %w", err)
	}
	return libraries, nil
}

func addFile(archive *tar.Writer, file layerFile, hash io.Writer) (int64, error) {
	content, err := os.Open(file.from)
	if err != nil {
		return 0, err
	}
	defer content.Close()
	info, err := content.Stat()
	if err != nil {
		return 0, err
	}
	if err := archive.WriteHeader(&tar.Header{
		Name: file.to, Mode: 0o755, Size: info.Size(), Typeflag: tar.TypeReg,
	}); err != nil {
		return 0, err
	}
	return io.Copy(io.MultiWriter(archive, hash), content)
}

// demoImage is an index with one image for this machine's architecture.
type demoImage struct {
	release int
	child   v1.Image
	index   v1.ImageIndex
	binary  *binaryLayer
	ballast string // the digest of the layer of ballast, "" without
}

// image makes the image of a release. Those after the first have a layer more,
// with a note of the release; and before it one of noise, if there is to be
// ballast, in bytes.
func (b *binaryLayer) image(release, ballast int) (*demoImage, error) {
	platform := v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
	layers := []v1.Layer{b.layer}
	heavy := ""
	if ballast > 0 {
		noise := make([]byte, ballast)
		rand.Read(noise) // never fails
		layer, err := fileLayer("ballast", noise)
		if err != nil {
			return nil, err
		}
		hash, err := layer.Digest()
		if err != nil {
			return nil, fmt.Errorf("pack a layer: %w", err)
		}
		layers, heavy = append(layers, layer), hash.String()
	}
	if release > 1 {
		layer, err := fileLayer("release.txt", fmt.Appendf(nil, "This is release %d.\n", release))
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	child, err := mutate.ConfigFile(base, &v1.ConfigFile{
		OS: platform.OS, Architecture: platform.Architecture,
		RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{
			Entrypoint: []string{"/" + binaryPath}, Cmd: []string{"version"},
			Labels: map[string]string{releaseLabel: strconv.Itoa(release)},
		},
	})
	if err == nil {
		child, err = mutate.AppendLayers(child, layers...)
	}
	if err != nil {
		return nil, fmt.Errorf("make the image: %w", err)
	}
	index := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex),
		mutate.IndexAddendum{Add: child, Descriptor: v1.Descriptor{Platform: &platform}})
	return &demoImage{release: release, child: child, index: index, binary: b, ballast: heavy}, nil
}

// fileLayer makes a layer of a file.
func fileLayer(name string, content []byte) (v1.Layer, error) {
	var buffer bytes.Buffer
	archive := tar.NewWriter(&buffer)
	header := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}
	err := archive.WriteHeader(header)
	if err == nil {
		_, err = archive.Write(content)
	}
	if err == nil {
		err = archive.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("pack a layer: %w", err)
	}
	return static.NewLayer(buffer.Bytes(), types.OCIUncompressedLayer), nil
}
