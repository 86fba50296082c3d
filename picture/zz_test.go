package picture_test
import ("testing";"image";"image/png";"os";"github.com/kernelet/kernelet/mnist";"github.com/kernelet/kernelet/picture";"image/draw")
func TestZZ(t *testing.T){
 reader := picture.NewReader(newClassifier(t))
 drawn := mnist.Synthetic(40, 11)
 big := image.NewGray(image.Rect(0,0,8*150,5*300))
 for i:=range 40 {
  s:=sheet{shadow:true}.draw(drawn.Images[i*784:][:784], uint64(i))
  d,err:=reader.Digit(s)
  ok := err==nil && d.Digit==int(drawn.Labels[i])
  if !ok { t.Log(i,  drawn.Labels[i], d.Digit, d.Probability, err) }
  x,y:=i%8*150,i/8*300
  for v:=0;v<140;v++{ for u:=0;u<140;u++{ big.Set(x+u,y+v,s.At(u*2,v*2)); big.Set(x+u,y+145+v, image.NewUniform(image.White).At(0,0)) } }
  if err==nil { p:=d.Image
   for v:=0;v<140;v++{ for u:=0;u<140;u++{ g:=p[(v/5)*28+u/5]; big.Pix[(y+145+v)*big.Stride+x+u]=uint8(g) } } }
 }
 _ = draw.Src
 f,_:=os.Create("/tmp/zz.png"); png.Encode(f,big); f.Close()
}
